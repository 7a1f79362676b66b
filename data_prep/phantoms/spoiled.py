"""What spoils the view of an endoscope: each cause does to the light of a good view what it does in a procedure.

Some blur it (motion, defocus, the wall against the lens); others are sharp and show nothing all the same (bubbles,
debris, jets of water), or take the light away or give too much of it. So sharpness alone does not tell.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import ndimage

Spoiler = Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


def spoil(light: np.ndarray, cause: str, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Linear light (float, height × width × 3, RGB) as the cause leaves it.

    Parameters
    ----------
    cause : ``clear`` or one of `CAUSES`.
    severity : 0 (nothing) to 1 (nothing to be seen any more).
    """
    return light if cause == "clear" else _SPOILERS[cause](light, severity, rng)


def camera(light: np.ndarray, focus: float, noise: float, rng: np.random.Generator) -> np.ndarray:
    """What the camera makes of it (uint8, height × width × 3, BGR): focus (σ, pixels), tone curve, noise (σ)."""
    image = ndimage.gaussian_filter(light, (focus, focus, 0))
    image = np.clip(1 - np.exp(-1.25 * np.clip(image, 0, None)), 0, 1) ** 0.95
    image = image * 255 + rng.normal(0, noise, image.shape)
    return np.ascontiguousarray(np.clip(image, 0, 255).astype(np.uint8)[..., ::-1])


def smooth(rng: np.random.Generator, count: int, amplitude: float) -> np.ndarray:
    """A slow wave of `count` values."""
    wave = ndimage.gaussian_filter1d(rng.standard_normal(count + 16), 4)[8 : count + 8]
    return amplitude * wave * 2.6


def _motion(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """The camera moves while the shutter is open: a mean along a line."""
    length = round(3 + 55 * severity**2)
    angle = rng.uniform(0, np.pi)
    total = np.zeros_like(light)
    for t in np.linspace(-length / 2, length / 2, max(4, length)):
        shift = (t * np.sin(angle), t * np.cos(angle), 0)
        total += ndimage.shift(light, shift, order=1, mode="nearest")
    return total / max(4, length)


def _defocus(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    sigma = 1 + 13 * severity**2
    return ndimage.gaussian_filter(light, (sigma, sigma, 0))


def _contact(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """The wall lies against the lens: a red glow that comes in from one side, brighter where it touches."""
    height, width = light.shape[:2]
    y, x = np.mgrid[:height, :width] / height
    angle = rng.uniform(0, 2 * np.pi)
    along = (x - width / height / 2) * np.cos(angle) + (y - 0.5) * np.sin(angle)
    cover = np.clip((along + 1.7 * severity - 0.75) * 5, 0, 1)[..., None]
    glow = np.array([1.1, 0.38, 0.28]) * (0.7 + 0.6 * np.exp(-((along - 0.2) ** 2) / 0.2))[..., None]
    vague = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 12)[..., None]
    return light * (1 - cover) + glow * (1 + 2 * vague) * cover


def _bubbles(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Foam: sharp rims with a glint each, until they cover all."""
    height, width = light.shape[:2]
    image = light.copy()
    y, x = np.mgrid[:height, :width]
    for _ in range(round(4 + 150 * severity**1.5)):
        x0, y0 = rng.uniform(0, width), rng.uniform(0, height)
        radius = rng.uniform(4, 16)
        top, left = max(0, int(y0 - radius - 2)), max(0, int(x0 - radius - 2))
        part = (slice(top, int(y0 + radius + 3)), slice(left, int(x0 + radius + 3)))
        reach = np.hypot(x[part] - x0, y[part] - y0) / radius
        inside = (reach < 1)[..., None]
        rim = np.exp(-(((reach - 0.93) / 0.09) ** 2))[..., None]
        glint = np.exp(-(((x[part] - x0 + radius / 3) ** 2 + (y[part] - y0 + radius / 3) ** 2) / (radius / 6) ** 2))
        veil = image[part] * 0.35 + np.array([0.55, 0.45, 0.33]) * 0.65
        image[part] = np.where(inside, veil, image[part]) * (1 - 0.5 * rim) + 0.75 * rim + 2.0 * glint[..., None]
    return image


def _debris(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Stool: brown, grainy, sharp, over more and more of the view."""
    height, width = light.shape[:2]
    shape = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 14)
    shape = (shape - shape.mean()) / shape.std()
    cover = np.clip((shape - (2.2 - 4.2 * severity)) * 4, 0, 1)[..., None]
    grain = sum(ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), s) * s for s in (1, 2.5, 6))[..., None]
    shade = light.mean(axis=2, keepdims=True) * 0.7 + 0.25
    return light * (1 - cover) + cover * shade * np.array([0.8, 0.55, 0.2]) * (1 + 0.35 * grain)


def _jet(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Water: the view ripples, and streaks of spray run over it."""
    height, width = light.shape[:2]
    scale = 26 * severity
    dy, dx = (ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), 4) * 8 * scale / 2 for _ in range(2))
    y, x = np.mgrid[:height, :width]
    image = np.stack(
        [ndimage.map_coordinates(light[..., k], (y + dy, x + dx), order=1, mode="nearest") for k in range(3)], axis=-1
    )
    spray = rng.normal(0, 1, (height, width))
    spray = ndimage.rotate(ndimage.gaussian_filter(spray, (0.6, 9)), rng.uniform(0, 180), reshape=False, mode="wrap")
    return image + np.clip(spray / spray.std() - (2.4 - 1.6 * severity), 0, None)[..., None] * 0.8


def _glare(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    """Too much light: the automatic exposure fails."""
    return light * (1 + 14 * severity**2) + 1.6 * severity**3


def _dark(light: np.ndarray, severity: float, rng: np.random.Generator) -> np.ndarray:
    return light * (1 - severity) ** 2.2 * 0.9 + 0.004


_SPOILERS: dict[str, Spoiler] = {
    "motion": _motion,
    "defocus": _defocus,
    "contact": _contact,
    "bubbles": _bubbles,
    "debris": _debris,
    "jet": _jet,
    "glare": _glare,
    "dark": _dark,
}
CAUSES = tuple(_SPOILERS)
