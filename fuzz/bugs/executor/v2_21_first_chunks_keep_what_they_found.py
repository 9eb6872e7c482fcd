"""V2-21: first chunks that keep what they have found."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.release import Release


class KeepsFirstChunks(Release):
    """Suspends a request that has never run."""

    def free(self, request: Request, prompt: int) -> None:
        if not request.fresh:
            super().free(request, prompt)
            return
        if request.snapshot is not None:
            self._pairs.shrink_caches(request, request.snapshot)
        self._pairs.suspend_caches(request)
        if request.scheduled:
            self._steps.step_strike(request.number)
        else:
            self._steps.step_pause(request.number)


FirstChunksKept = plant(Executor, parts={Release: KeepsFirstChunks})


BUG = SeededBug(
    id="V2-21",
    title="first chunks that keep what they have found",
    source="#19202",
    mechanism=(
        "A first chunk that is not computed is suspended and not freed. Requests that have never run hold what "
        "they have found for reuse, the last level fills with it, and those that run cannot grow."
    ),
    machine="executor",
    make_target=with_executor(FirstChunksKept),
    oracles=("step",),
    parameters=PLAIN,
    without=STAYING,
)
