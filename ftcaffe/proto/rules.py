"""Which layers of a prototxt a net has: Caffe's include and exclude rules."""

from __future__ import annotations

from typing import Any


def included(layer: Any, state: Any) -> bool:
    """Whether a LayerParameter stands in a net of a NetState: any include rule is met, or no exclude rule is."""
    if layer.include:
        return any(_meets(state, rule) for rule in layer.include)
    return not any(_meets(state, rule) for rule in layer.exclude)


def _meets(state: Any, rule: Any) -> bool:
    return (
        (not rule.HasField("phase") or rule.phase == state.phase)
        and (not rule.HasField("min_level") or state.level >= rule.min_level)
        and (not rule.HasField("max_level") or state.level <= rule.max_level)
        and all(stage in state.stage for stage in rule.stage)
        and not any(stage in state.stage for stage in rule.not_stage)
    )
