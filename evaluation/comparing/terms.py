"""How an application's curves are spoken of."""

from __future__ import annotations

from dataclasses import dataclass

from ftcaffe import application

_PAPER_RATES = {"froc": (0.001, 0.01), "roc": (0.1, 0.15)}  # Tables S1 and S3; an application names its own


@dataclass(frozen=True)
class Terms:
    """Words of an application.

    title : its own. unit : what is resampled. image : what false positives are counted per.
    curve : ``froc`` or ``roc``. rate : of false positives; the headline speaks of the operating point nearest to it.
    """

    title: str = "Detection"
    unit: str = "unit"
    image: str = "image"
    curve: str = "froc"
    rate: float = 0.1

    @property
    def positives(self) -> str:
        """What is to be found."""
        return "lesions" if self.curve == "froc" else "positives"

    @property
    def cases(self) -> str:
        """What has a score."""
        return "candidates" if self.curve == "froc" else "cases"

    @property
    def axis(self) -> str:
        """The rate of false positives, as an axis names it."""
        return f"false positives per {self.image}" if self.curve == "froc" else "false-positive rate"

    @property
    def area(self) -> str:
        """The area under the ROC curve."""
        return "AUC of the candidates" if self.curve == "froc" else "AUC"

    def at(self, rate: float) -> str:
        """An operating point in a sentence."""
        if self.curve == "froc":
            return f"{rate:g} false positive{'' if rate == 1 else 's'} per {self.image}"
        return f"a false-positive rate of {rate:g}"

    def short(self, rate: float) -> str:
        """An operating point as a column's heading."""
        return f"at {rate:g} FP per {self.image}" if self.curve == "froc" else f"at FPR {rate:g}"


def of(name: str, curve: str) -> tuple[Terms, tuple[float, ...]]:
    """The words and the operating points of an application; those of any set where `name` is empty."""
    if not name:
        return Terms("Detection" if curve == "froc" else "Classification", curve=curve), _PAPER_RATES[curve]
    known = application.load(name)
    # A volume is looked at for minutes and an image for a moment: an application's own points say how much it allows.
    rate = max(Terms.rate, min(known.operating_points, default=0))
    return Terms(known.title, known.unit, known.image, curve, rate), known.operating_points
