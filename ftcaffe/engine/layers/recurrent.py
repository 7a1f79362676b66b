"""Recurrent layers: LSTM, RNN and LSTMUnit. Caffe unrolls a net over time; here a loop runs over the steps.

Shapes: T steps of N streams, H = num_output. ⊙ is the product value by value, σ the sigmoid.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from ftcaffe.engine import fillers
from ftcaffe.engine.blob import Blob
from ftcaffe.engine.layers.base import Layer, Shape, register


class Recurrent(Layer):
    """What LSTM and RNN share: bottoms, tops, parameters and the state.

    Bottoms: x (T × N × …), cont (T × N), then x_static (N × …) where it is given, then with `expose_hidden` the state
    before the first step, 1 × N × H each. cont is 0 where a sequence begins and 1 where it goes on; it scales the
    state that is taken over. Tops: the output, T × N × H, then with `expose_hidden` the state after the last step.
    Otherwise the state after the last step is the next forward pass's first one, which cont ends as well.

    No gradient flows to cont or through the state's tops and bottoms. T is fixed, N may change.
    """

    parts = 1  # of the state: h, and c in an LSTM
    gates = 1  # how many times H the sum has that goes into a step
    output_is_state = False  # whether the output is the state's first part

    def setup(self, bottoms: Sequence[Blob]) -> None:
        """x's weights and biases, x_static's weights, then those of the steps."""
        message = self.message.recurrent_param
        self.hidden = message.num_output
        if self.hidden < 1:
            raise self.fault("num_output is at least 1")
        x = bottoms[0].shape
        if len(x) < 3:
            raise self.fault(f"x has shape {x}, and is steps × streams × values")
        self.steps, self.inputs = x[0], math.prod(x[2:])
        self.add_parameter((self.gates * self.hidden, self.inputs), message.weight_filler)
        self.add_parameter((self.gates * self.hidden,), message.bias_filler)
        if self.has_static:
            static = bottoms[2].shape
            if len(static) < 2:
                raise self.fault(f"x_static has shape {static}, and is streams × values")
            self.add_parameter((self.gates * self.hidden, math.prod(static[1:])), message.weight_filler)
        own = self.step_parameters(message)
        for shape, filler in own:
            self.add_parameter(shape, filler)
        # Caffe fills the parameters of every step before all share the first one's, which takes random numbers.
        for _ in range(self.steps - 1):
            for shape, filler in own:
                fillers.fill(Blob(shape), filler)
        self._carried = [torch.zeros(0) for _ in range(self.parts)]
        self._streams = 0

    def step_parameters(self, message: Any) -> list[tuple[Shape, Any]]:
        """Shapes and fillers of the parameters of a step."""
        raise NotImplementedError

    @property
    def exposed(self) -> bool:
        """Whether the state comes in and goes out by bottoms and tops."""
        return self.message.recurrent_param.expose_hidden

    @property
    def has_static(self) -> bool:
        """Whether there is x_static."""
        return len(self.message.bottom) > 2 + self.exposed * self.parts

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """T × N × H, and 1 × N × H for each part of the state that is exposed."""
        least = 2 + self.exposed * self.parts
        if len(bottoms) not in (least, least + 1):
            raise self.fault(f"has {len(bottoms)} bottoms, and takes {least}, or {least + 1} with x_static")
        if len(self.message.top) != 1 + self.exposed * self.parts:
            raise self.fault(f"has {len(self.message.top)} tops, not {1 + self.exposed * self.parts}")
        x, cont = bottoms[:2]
        if x[0] != self.steps:
            raise self.fault(f"made for {self.steps} steps, x has shape {x}")
        if math.prod(x[2:]) != self.inputs:
            raise self.fault(f"made for {self.inputs} values a step, x has shape {x}")
        if cont != x[:2]:
            raise self.fault(f"cont has shape {cont}, x needs {x[:2]}")
        streams = x[1]
        if self.has_static and (bottoms[2][0] != streams or math.prod(bottoms[2][1:]) != self.blobs[2].shape[1]):
            raise self.fault(f"x_static has shape {bottoms[2]}, not {streams} × {self.blobs[2].shape[1]}")
        one = (1, streams, self.hidden)
        for shape in bottoms[least - self.parts + self.has_static :] if self.exposed else ():
            if shape != one:
                raise self.fault(f"a state has shape {shape}, not {one}")
        return [(self.steps, streams, self.hidden), *([one] * self.parts * self.exposed)]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """x's part of all steps in one product, then `run`."""
        x = bottoms[0].values.tensor
        streams = x.shape[1]
        self._x = x.reshape(-1, self.inputs)
        self._cont = bottoms[1].values.tensor.unsqueeze(-1)
        weight, bias = (blob.values.tensor for blob in self.blobs[:2])
        sums = torch.addmm(bias, self._x, weight.t()).view(self.steps, streams, -1)
        if self.has_static:
            sums += bottoms[2].values.tensor.reshape(streams, -1) @ self.blobs[2].values.tensor.t()
        state = self._before(bottoms, tops, streams, x.device)
        output, state = self.run(sums, state)
        tops[0].values.replace(output)
        if self.exposed:
            for top, part in zip(tops[1:], state, strict=True):
                top.values.replace(part.unsqueeze(0).clone())
        else:
            for carried, part in zip(self._carried, state, strict=True):
                carried[: part.numel()] = part.flatten()

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """`run_back`, then the gradients of x and its weights from all steps at once.

        As in Caffe the parameters' gradients are computed whatever their lr_mult.
        """
        if propagate[1]:
            raise self.fault(f"cannot send a gradient to '{self.message.bottom[1]}', where sequences begin and end")
        sums = self.run_back(tops[0].gradient.tensor)
        rows = sums.view(-1, self.gates * self.hidden)
        self.blobs[0].gradient.add_product(rows.t(), self._x)
        self.blobs[1].gradient.add(rows.sum(0))
        if propagate[0]:
            bottoms[0].gradient.replace((rows @ self.blobs[0].values.tensor).view(bottoms[0].shape))
        if self.has_static:
            over_time = sums.sum(0)
            static = bottoms[2].values.tensor.reshape(len(over_time), -1)
            self.blobs[2].gradient.add_product(over_time.t(), static)
            if propagate[2]:
                bottoms[2].gradient.replace((over_time @ self.blobs[2].values.tensor).view(bottoms[2].shape))
        for bottom, wanted in list(zip(bottoms, propagate, strict=True))[2 + self.has_static :]:
            if wanted:
                bottom.gradient.clear()

    def run(self, sums: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Output T × N × H and last state, from the first state and the sums T × N × gates·H (taken over)."""
        raise NotImplementedError

    def run_back(self, above: torch.Tensor) -> torch.Tensor:
        """The sums' gradient from the output's; adds to the gradients of the steps' parameters."""
        raise NotImplementedError

    def _before(
        self, bottoms: Sequence[Blob], tops: Sequence[Blob], streams: int, device: torch.device
    ) -> list[torch.Tensor]:
        """The state before the first step, N × H each.

        When N changes, a state that is carried keeps its first values, as Caffe's blobs do; one that grows beyond
        what it ever was begins at zero. The only step's h is the top itself: what was written to that is carried.
        """
        if self.exposed:
            return [bottom.values.tensor[0] for bottom in bottoms[-self.parts :]]
        count = streams * self.hidden
        self._carried = [
            carried.to(device) if carried.numel() >= count else torch.zeros(count, device=device)
            for carried in self._carried
        ]
        state = [carried[:count].view(streams, self.hidden).clone() for carried in self._carried]
        if self.output_is_state and self.steps == 1 and streams == self._streams:
            state[0] = tops[0].values.tensor[0].clone()
        self._streams = streams
        return state


@register("LSTM")
class LSTM(Recurrent):
    """i, f, o, g = σ, σ, σ, tanh of Wx·x + Wh·h + b;  c ← f ⊙ c + i ⊙ g;  h ← o ⊙ tanh c.

    Parameters: Wx (4H × inputs), b (4H), that of x_static (4H × its values), Wh (4H × H); rows in order i, f, o, g.
    """

    bottoms, tops = (2, 5), (1, 3)
    forced_backward = (0, 2, 3, 4)
    parts = 2
    gates = 4
    output_is_state = True

    def step_parameters(self, message: Any) -> list[tuple[Shape, Any]]:
        """Wh."""
        return [((4 * self.hidden, self.hidden), message.weight_filler)]

    def run(self, sums: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Overwrites the sums with the gates' values, which the backward needs."""
        hidden, cell = state
        first_cell = cell
        weight = self.blobs[-1].values.tensor.t()
        output = sums.new_empty(*sums.shape[:2], self.hidden)
        taken, cells, tanhs = (torch.empty_like(output) for _ in range(3))
        steps = [tensor.unbind(0) for tensor in (sums, self._cont, taken, cells, tanhs, output)]
        for gates, cont, old_hidden, new_cell, tanh, new_hidden in zip(*steps, strict=True):
            torch.mul(hidden, cont, out=old_hidden)
            gates.addmm_(old_hidden, weight)
            _unit(gates, cell, cont, new_cell, tanh, new_hidden)
            hidden, cell = new_hidden, new_cell
        self._gates, self._taken, self._tanhs = sums, taken, tanhs
        self._cells = torch.cat([first_cell.unsqueeze(0), cells[:-1]])
        return output, [hidden, cell]

    def run_back(self, above: torch.Tensor) -> torch.Tensor:
        """From the last step to the first."""
        weight = self.blobs[-1].values.tensor
        slopes, to_cell, forget = _unit_slopes(self._gates, self._cells, self._tanhs)
        below_hidden = below_cell = torch.zeros_like(above[0])
        steps = [tensor.unbind(0)[::-1] for tensor in (above, self._cont, slopes, to_cell, forget)]
        for hidden, cont, slope, to_c, f in zip(*steps, strict=True):
            below_cell = _unit_back(slope, to_c, f, hidden + below_hidden, below_cell)
            below_hidden = (slope.flatten(1) @ weight).mul_(cont)
        sums = slopes.flatten(2)
        self.blobs[-1].gradient.add_product(sums.view(-1, 4 * self.hidden).t(), self._taken.view(-1, self.hidden))
        return sums


@register("RNN")
class RNN(Recurrent):
    """h ← tanh(Wx·x + Wh·h + b);  the output is tanh(Wo·h + bo).

    Parameters: Wx (H × inputs), b (H), that of x_static (H × its values), Wh (H × H), Wo (H × H), bo (H).
    """

    bottoms, tops = (2, 4), (1, 2)
    forced_backward = (0, 2, 3)

    def step_parameters(self, message: Any) -> list[tuple[Shape, Any]]:
        """Wh, Wo, bo."""
        square = (self.hidden, self.hidden)
        return [
            (square, message.weight_filler),
            (square, message.weight_filler),
            ((self.hidden,), message.bias_filler),
        ]

    def run(self, sums: torch.Tensor, state: list[torch.Tensor]) -> tuple[torch.Tensor, list[torch.Tensor]]:
        """Overwrites the sums with h; the output's product is one for all steps."""
        (hidden,) = state
        weight, weight_out, bias_out = (blob.values.tensor for blob in self.blobs[-3:])
        taken = torch.empty_like(sums)
        steps = [tensor.unbind(0) for tensor in (sums, self._cont, taken)]
        for own, cont, old_hidden in zip(*steps, strict=True):
            torch.mul(hidden, cont, out=old_hidden)
            hidden = own.addmm_(old_hidden, weight.t()).tanh_()
        self._hidden, self._taken = sums, taken
        self._output = torch.addmm(bias_out, sums.view(-1, self.hidden), weight_out.t()).tanh_().view(sums.shape)
        return self._output.clone(), [hidden]

    def run_back(self, above: torch.Tensor) -> torch.Tensor:
        """The output's part for all steps at once, then from the last step to the first."""
        weight, weight_out = self.blobs[-3].values.tensor, self.blobs[-2].values.tensor
        outer = (above * (1 - self._output.square())).view(-1, self.hidden)
        self.blobs[-2].gradient.add_product(outer.t(), self._hidden.view(-1, self.hidden))
        self.blobs[-1].gradient.add(outer.sum(0))
        sums = (outer @ weight_out).view(above.shape)
        below_hidden = torch.zeros_like(above[0])
        steps = [tensor.unbind(0)[::-1] for tensor in (sums, self._cont, 1 - self._hidden.square())]
        for own, cont, slope in zip(*steps, strict=True):
            own.add_(below_hidden).mul_(slope)
            below_hidden = (own @ weight).mul_(cont)
        self.blobs[-3].gradient.add_product(sums.view(-1, self.hidden).t(), self._taken.view(-1, self.hidden))
        return sums


@register("LSTMUnit")
class LSTMUnit(Layer):
    """One step of an LSTM, without parameters; cont scales f.

    Bottoms: c (1 × N × H), the sums of i, f, o, g (1 × N × 4H), cont (1 × N). Tops: the new c and h, 1 × N × H.
    """

    bottoms, tops = (3, 3), (2, 2)
    forced_backward = (0, 1)

    def shapes(self, bottoms: Sequence[Shape]) -> Sequence[Shape]:
        """c's, twice."""
        cell, sums, cont = bottoms
        if len(cell) != 3 or cell[0] != 1 or sums != (1, cell[1], 4 * cell[2]) or cont != cell[:2]:
            raise self.fault(f"bottoms of shapes {cell}, {sums} and {cont} are not 1×N×H, 1×N×4H and 1×N")
        return [cell, cell]

    def forward(self, bottoms: Sequence[Blob], tops: Sequence[Blob]) -> None:
        """The step."""
        cell, sums, cont = (bottom.values.tensor for bottom in bottoms)
        self._gates, self._cell = sums.contiguous().clone(), cell
        new_cell, self._tanh, hidden = (torch.empty_like(cell) for _ in range(3))
        _unit(self._gates, cell, cont.unsqueeze(-1), new_cell, self._tanh, hidden)
        tops[0].values.replace(new_cell)
        tops[1].values.replace(hidden)

    def backward(self, tops: Sequence[Blob], propagate: Sequence[bool], bottoms: Sequence[Blob]) -> None:
        """To c and the sums."""
        if propagate[2]:
            raise self.fault(f"cannot send a gradient to '{self.message.bottom[2]}', where sequences begin and end")
        sums, to_cell, forget = _unit_slopes(self._gates, self._cell, self._tanh)
        cell = _unit_back(sums, to_cell, forget, tops[1].gradient.tensor, tops[0].gradient.tensor)
        if propagate[0]:
            bottoms[0].gradient.replace(cell)
        if propagate[1]:
            bottoms[1].gradient.replace(sums.flatten(2))


def _unit(
    sums: torch.Tensor,
    cell: torch.Tensor,
    cont: torch.Tensor,
    new_cell: torch.Tensor,
    tanh: torch.Tensor,
    hidden: torch.Tensor,
) -> None:
    """A step, … × N × H, into `new_cell`, `tanh` (of it) and `hidden`; the sums, … × 4H, become i, cont·f, o, g."""
    size = cell.shape[-1]
    i, f, o, g = sums.split(size, -1)
    sums.narrow(-1, 0, 3 * size).sigmoid_()
    g.tanh_()
    f.mul_(cont)
    torch.mul(f, cell, out=new_cell).addcmul_(i, g)
    torch.tanh(new_cell, out=tanh)
    torch.mul(o, tanh, out=hidden)


def _unit_slopes(
    gates: torch.Tensor, cell: torch.Tensor, tanh: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What `_unit_back` multiplies gradients by, from the gates (i, cont·f, o, g), the old c and the new one's tanh.

    On the way from the new c to the sums of i, f and g, and from h to that of o, … × 4 × H; from h to the new c; from
    the new c to the old one. The slope of f is that of the product, cont·f (1 − cont·f), as in Caffe: exact where
    cont is 0 or 1.
    """
    i, f, o, g = gates.split(cell.shape[-1], -1)
    slopes = [g * i * (1 - i), cell * f * (1 - f), tanh * o * (1 - o), i * (1 - g.square())]
    return torch.stack(slopes, -2), o * (1 - tanh.square()), f


def _unit_back(
    slopes: torch.Tensor, to_cell: torch.Tensor, forget: torch.Tensor, hidden: torch.Tensor, cell: torch.Tensor
) -> torch.Tensor:
    """The old c's gradient, from those of h and the new c; the slopes become the gradient of the sums."""
    total = torch.addcmul(cell, hidden, to_cell)
    out = slopes.select(-2, 2)
    of_output = out * hidden
    slopes.mul_(total.unsqueeze(-2))
    out.copy_(of_output)
    return total * forget
