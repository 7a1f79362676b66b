"""The answer in one or two sentences, no stronger than its intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluation.comparing import tables
from evaluation.comparing.comparison import Comparison, Subject
from evaluation.comparing.pairs import Pair
from evaluation.scoring.runs import depth_label
from evaluation.statistics.interval import Interval

_NAMED = 3  # more curves than this are not named one by one


def rate(comparison: Comparison) -> float | None:
    """The false-positive rate that the headline speaks of; None when there is none that all its curves reach."""
    rates = [
        points[0].rate
        for points in zip(*(subject.result.points for subject in named(comparison)), strict=True)
        if points[0].rate > 0 and not any(math.isnan(point.sensitivity.value) for point in points)
    ]
    return min(rates, key=lambda one: abs(math.log(one / comparison.terms.rate))) if rates else None


def measure(comparison: Comparison, subject: Subject) -> Interval:
    """What the headline compares: the sensitivity at its rate, or the AUC where there is no such rate."""
    at = rate(comparison)
    return subject.result.auc if at is None else subject.result.at(at)


def headline(comparison: Comparison) -> str:
    """What the comparison says.

    Of runs, the tuning depth and the run from scratch that had the best validation AUC, on all the data that
    any run had: the test set must not choose what it then measures. Of score files, each in turn, or of many the
    least and the most.
    """
    at, subjects = rate(comparison), named(comparison)
    if len(subjects) > _NAMED:
        return _range(comparison, subjects)
    values = [measure(comparison, subject) for subject in subjects]
    if at is None:
        opening, verb = "", f"ranks the {comparison.terms.cases} with an AUC of"
        shares = [one.decimal() for one in values]
    else:
        opening, verb = f"At {comparison.terms.at(at)}, ", "finds"
        first, *others = values
        shares = [first.percent(f"of the {comparison.terms.positives}"), *(one.percent() for one in others)]
    parts = [f"{_name(subject)} {share}" for subject, share in zip(subjects, shares, strict=True)]
    parts[0] = f"{_name(subjects[0])} {verb} {shares[0]}"
    sentence = f"{opening}{'; '.join(parts)}."
    if len(subjects) == 2:
        sentence = f"{sentence} {_verdict(comparison, *subjects)}"
    # The name of a file is left as it is.
    return sentence if subjects[0].run is None and not opening else sentence[0].upper() + sentence[1:]


def _range(comparison: Comparison, subjects: Sequence[Subject]) -> str:
    """The least and the most of many curves."""
    at, terms = rate(comparison), comparison.terms
    ordered = sorted(subjects, key=lambda subject: measure(comparison, subject).value)
    least, most = (measure(comparison, subject) for subject in (ordered[0], ordered[-1]))
    ends = (f"({_name(ordered[0])})", f"({_name(ordered[-1])})")
    if at is None:
        values = f"from {least.decimal()} {ends[0]} to {most.decimal()} {ends[1]}"
        return f"The {terms.area} of {len(subjects)} curves ranges {values}."
    values = f"from {least.percent(f'of the {terms.positives}')} {ends[0]} to {most.percent()} {ends[1]}"
    return f"At {terms.at(at)}, the {len(subjects)} curves find {values}."


def choice(comparison: Comparison) -> str:
    """How the headline's runs were chosen; empty for score files."""
    runs = comparison.runs
    if len(runs) < 2:
        return ""
    return (
        f"Of several depths or starts the headline names the one with the best validation AUC; "
        f"the test {comparison.terms.unit}s had no say in it."
    )


def named(comparison: Comparison) -> list[Subject]:
    """The subjects that the headline speaks of."""
    chosen = [_chosen(comparison, tuned=True), _chosen(comparison, tuned=False)]
    return [subject for subject in chosen if subject is not None] or list(comparison.subjects)


def _chosen(comparison: Comparison, *, tuned: bool) -> Subject | None:
    runs = [(subject, subject.run) for subject in comparison.subjects if subject.run is not None]
    most = max((run.fraction for _, run in runs), default=1)
    among = [one for one in runs if (one[1].weights is not None) == tuned and one[1].fraction == most]
    return max(among, key=lambda one: one[1].best["val_auc"])[0] if among else None


def _name(subject: Subject) -> str:
    if subject.run is None:
        return subject.label
    if subject.run.weights is None:
        return "training from scratch"
    return f"tuning {depth_label(subject.run.depth)}"


def _verdict(comparison: Comparison, one: Subject, other: Subject) -> str:
    """The paper's rule and the paired test, each by its name, and no more than either shows."""
    ours, theirs = measure(comparison, one), measure(comparison, other)
    count = one.result.scores.counts.units
    unit = f"test {comparison.terms.unit}"
    where = f"on these {count} {unit}s" if count > 1 else f"on this one {unit}"
    if not (ours.defined and theirs.defined):
        return f"There is no interval {where}, so nothing is shown."
    better = _name(one if ours.value > theirs.value else other)
    apart = not ours.overlaps(theirs)
    pair = _pair(comparison, one, other)
    if pair is None or pair.difference is None or math.isnan(pair.p_value):
        if apart:
            return f"The intervals do not overlap: {where} {better} is better."
        return f"The intervals overlap: {where} nothing shows that either is better."
    test = f"paired test p {'' if pair.p_value < 0.001 else '= '}{tables.p_value(pair.p_value)}"
    if pair.corrected is not None:
        test = f"{test} after Holm’s correction"
    if pair.significant:
        rule = "do not overlap" if apart else "overlap, but the runs saw the same cases"
        return f"The intervals {rule}: {where} {better} is better ({test})."
    rule = "do not overlap, yet the paired test does not tell them apart" if apart else "overlap"
    return f"The intervals {rule}: {where} nothing shows that either is better ({test})."


def _pair(comparison: Comparison, one: Subject, other: Subject) -> Pair | None:
    """The comparison of the two in what the headline speaks of."""
    places = sorted(comparison.subjects.index(subject) for subject in (one, other))
    at = rate(comparison)
    for pair in comparison.pairs:
        if [pair.one, pair.other] == places and pair.rate == at and pair.measure in ("sensitivity", "auc"):
            return pair
    return None
