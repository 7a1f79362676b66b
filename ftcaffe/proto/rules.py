"""Which layers of a prototxt a net has: Caffe's include and exclude rules."""

from __future__ import annotations

from typing import Any


def included(layer: Any, state: Any) -> bool:
    """Whether a LayerParameter stands in a net of a NetState: any include rule is met, or no exclude rule is."""
    if layer.include:
        return any(unmet(rule, state) is None for rule in layer.include)
    return all(unmet(rule, state) is not None for rule in layer.exclude)


def unmet(rule: Any, state: Any) -> tuple[str, str] | None:
    """The first field of a NetStateRule that a NetState does not meet, and how, in Caffe's words; None meets all."""
    if rule.HasField("phase") and rule.phase != state.phase:
        return "phase", f"phase ({state.phase}) differed from the phase ({rule.phase})"
    if rule.HasField("min_level") and state.level < rule.min_level:
        return "min_level", f"level ({state.level}) is above the min_level ({rule.min_level})"
    if rule.HasField("max_level") and state.level > rule.max_level:
        return "max_level", f"level ({state.level}) is above the max_level ({rule.max_level})"
    for stage in rule.stage:
        if stage not in state.stage:
            return "stage", f"did not contain stage '{stage}'"
    for stage in rule.not_stage:
        if stage in state.stage:
            return "not_stage", f"contained a not_stage '{stage}'"
    return None
