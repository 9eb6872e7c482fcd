"""V2-21: first chunks that keep what they have found."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request


class KeepsFirstChunks(Executor):
    """Suspends a request that has never run."""

    def free(self, request: Request, prompt: int) -> None:
        if not request.fresh:
            super().free(request, prompt)
            return
        if request.snapshot is not None:
            self.shrink_caches(request, request.snapshot)
        self.suspend_caches(request)
        if request.scheduled:
            self.step_strike(request.number)
        else:
            self.step_pause(request.number)


BUG = SeededBug(
    id="V2-21",
    title="first chunks that keep what they have found",
    source="#19202",
    mechanism=(
        "A first chunk that is not computed is suspended and not freed. Requests that have never run hold what "
        "they have found for reuse, the last level fills with it, and those that run cannot grow."
    ),
    machine="executor",
    make_target=with_executor(KeepsFirstChunks),
    oracles=("step",),
    parameters=PLAIN,
    without=STAYING,
)
