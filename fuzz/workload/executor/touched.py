"""What the operations of an executor add up to, held against the specification at the sizes of a real service.

Per operation: what the implementation's steps add up to (vacant slots, queues, lengths of all caches), and the bytes that
kernels have read. With whole states: the bytes of every page.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.looks import Sides, guarded
from kvproof.fuzz.oracles import Moment
from kvproof.fuzz.target import Content, Outcome, Step
from kvproof.fuzz.workload.executor.target import ReplayTarget

SUMS = ("status", "committed", "history", "capacity", "scratch", "vacant", "stage", "cursor", "outstanding")
"""State of the specification that is compared after every operation."""


class SumsOfCaches:
    """See `kvproof.fuzz.looks.Delta`; the target is a `ReplayTarget`."""

    def attach(self, sides: Sides) -> None:
        """See `Delta`."""
        assert sides.validation is not None
        self._looked = sides.looked
        self._target: ReplayTarget = sides.target
        self._reference: Any = sides.reference
        self._validator: Any = sides.validation.validator

    def compare(self, moment: Moment, actual: Outcome, steps: list[Step]) -> Failure | None:
        """See `Delta`: the validator, which follows the implementation's steps, has the same counts as the reference."""
        del actual, steps
        self._looked["sums"] += 1
        told = f"after {moment.operation.name}, the steps of the target lead to"
        for name in SUMS:
            ours, theirs = getattr(self._reference, name), getattr(self._validator, name)
            if ours != theirs:
                return moment.failure("step", f"state.{name}", f"{told} another {name}", str(ours), str(theirs))
        ours, theirs = ([len(side.queue[level]) for level in side.queue] for side in (self._reference, self._validator))
        if ours != theirs:
            return moment.failure("step", "state.queue", f"{told} eviction queues of other lengths", ours, theirs)
        return None

    def contents(self) -> Iterable[Content]:
        """See `Delta`."""
        return guarded(self._target.read_back)

    def totals(self, moment: Moment) -> Failure | None:
        """See `Delta`: there are none."""

    def all_contents(self) -> Iterable[Content]:
        """See `Delta`."""
        return guarded(self._target.contents)
