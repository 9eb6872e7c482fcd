"""V2-06: a rollback that suspends only what had pages."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import STATES, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request, Stage
from kvproof.impl.executor.release import Release


class SuspendsIffSnapshot(Release):
    """Takes a snapshot of 0 for there being nothing to give up."""

    def release(self, requests: list[Request]) -> None:
        for request in sorted(requests, key=lambda each: each.number):
            if request.stage is Stage.GENERATION:
                self.release_generation(request)
            else:
                self.release_context(request)

    def release_context(self, request: Request) -> None:
        if request.snapshot:
            super().release_context(request)
            return
        self._pairs.shrink_caches(request, request.snapshot or 0)
        self._steps.step_strike(request.number)


OwnersOnly = plant(Executor, parts={Release: SuspendsIffSnapshot})


BUG = SeededBug(
    id="V2-06",
    title="a rollback that suspends only what had pages",
    source="#13805",
    mechanism=(
        "A deferred prompt is suspended only when there was room before this pass; a first chunk is left active "
        "with nothing. With recurrent state it has a page of that locked all the same, and nobody can have it."
    ),
    machine="executor",
    make_target=with_executor(OwnersOnly),
    oracles=("step", "observation"),
    parameters=STATES,
    without=STAYING,
)
