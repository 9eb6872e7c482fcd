"""Sizes of the machine `executor` at which its seeded bugs show soon."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kvproof.fuzz.targets.executor import ExecutorTarget
from kvproof.impl.executor import Executor

Sizes = Mapping[str, int]

PLAIN: Sizes = {
    "primary_slots": 4,
    "secondary_slots": 2,
    "tertiary_slots": 0,
    "window_tokens": 0,
    "sink_blocks": 0,
    "window_primary": 0,
    "window_secondary": 0,
    "scratch_share": 0,
    "rewind": 0,
    "state_primary": 0,
    "state_secondary": 0,
    "chunks": 2,
    "tokens_per_block": 2,
    "blocks_max": 3,
    "priorities": 1,
    "gate_percent": 100,
    "requests": 2,
    "draft_tokens": 0,
    "draft_model": 0,
    "max_tokens": 8,
    "overlap": 0,
    "rows": 2,
    "delay": 0,
    "delay_passes": 1,
    "timeout_passes": 1,
    "wait_tokens": 2,
    "attended_max": 0,
}
"""Full attention alone, one pass at a time, and nothing that holds prompts back."""

NO_HOST: Sizes = {**PLAIN, "secondary_slots": 0, "primary_slots": 3}

DRAFTED: Sizes = {**PLAIN, "draft_model": 1, "draft_tokens": 1, "primary_slots": 5, "secondary_slots": 3}
"""Requests with a second cache, in device memory that is too small for all."""

SCRATCH: Sizes = {
    **PLAIN,
    "primary_slots": 12,
    "window_tokens": 1,
    "scratch_share": 1,
    "rewind": 1,
    "tokens_per_block": 1,
    "blocks_max": 5,
    "requests": 1,
    "rows": 1,
}
"""A window of one token: of a chunk of two tokens the first is computed in scratch."""

STATES: Sizes = {**PLAIN, "state_primary": 3, "state_secondary": 2}

STAYING = frozenset({"finish", "hand_over"})
"""Operations by which requests go: they get further without."""


def with_executor(executor_type: type[Executor]) -> Callable[[], ExecutorTarget]:
    """A target with such an executor."""
    return lambda: ExecutorTarget(executor_type)
