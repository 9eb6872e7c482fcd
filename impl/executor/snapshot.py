"""All that an executor knows at one moment, copied: for tests, and for driving it beside a model."""

from __future__ import annotations

from copy import copy

from attrs import frozen

from kvproof.impl.executor.requests import Phase, Request
from kvproof.impl.executor.steps import ExecutorSteps


@frozen
class Snapshot:
    """The state of an executor between two operations.

    Attributes:
        phase: where its scheduling pass is.
        requests: those that are in, in the order in which they were submitted, each as it was.
        generating: the generating requests that this pass has scheduled, in order.
        filling: the context requests that this pass has scheduled, in order.
        scheduled_tokens: tokens of all that this pass has scheduled.
        waited: iterations for which context work has been held back for others, or for more of it.
        held_back: iterations for which it has been held back though everybody has some.
    """

    phase: Phase
    requests: dict[int, Request]
    generating: tuple[int, ...]
    filling: tuple[int, ...]
    scheduled_tokens: int
    waited: int
    held_back: int


def take_snapshot(steps: ExecutorSteps) -> Snapshot:
    """What `steps` know now."""
    return Snapshot(
        phase=steps.phase,
        requests={number: copy(request) for number, request in steps.requests.items()},
        generating=tuple([request.number for request in steps.generating]),
        filling=tuple([request.number for request in steps.filling]),
        scheduled_tokens=steps.scheduled_tokens,
        waited=steps.delay.waited,
        held_back=steps.delay.held_back,
    )
