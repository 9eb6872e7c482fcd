"""X-29: whatever is dropped is suspended."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.release import Release


class DroppedAndSuspended(Release):
    """Suspends without looking at what was before."""

    def release_generation(self, request: Request) -> None:
        self._pairs.shrink_caches(request, self._pairs.capacity(request) - self._config.step_tokens)
        self._pairs.suspend_caches(request)
        self._steps.step_strike(request.number)


AllSuspended = plant(Executor, parts={Release: DroppedAndSuspended})


BUG = SeededBug(
    id="X-29",
    title="whatever is dropped is suspended",
    source="mutant of C-4",
    mechanism=(
        "A generating request that was active before its pass was dropped is left suspended. No rule of the release is "
        "broken; but it is not as before: its pages may be evicted, and it may find no room to come back to."
    ),
    machine="executor",
    make_target=with_executor(AllSuspended),
    oracles=("step", "observation"),
    parameters=PLAIN,
    without=STAYING,
)
