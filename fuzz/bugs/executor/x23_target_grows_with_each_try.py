"""X-23: a target that grows with each try."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request, Stage
from kvproof.impl.executor.release import Release


class KeepsWhatItGot(Release):
    """Suspends what is held back, and takes nothing back."""

    def release(self, requests: list[Request]) -> None:
        for request in sorted(requests, key=lambda each: each.number):
            if request.stage is Stage.GENERATION:
                self.release_generation(request)
            else:
                self.release_context(request)

    def release_context(self, request: Request) -> None:
        self._pairs.suspend_caches(request)
        self._steps.step_strike(request.number)


AsksForMore = plant(
    Executor,
    Patch(
        "executor.scheduling",
        old="        return max(self._pairs.capacity(request), request.cursor + chunk)",
        new="        return min(self._pairs.capacity(request) + chunk, self._pairs.tokens_max)",
    ),
    parts={Release: KeepsWhatItGot},
)
"""Counts from what it has, and keeps what it got."""


BUG = SeededBug(
    id="X-23",
    title="a target that grows with each try",
    source="mutant of C-7",
    mechanism=(
        "The room for the next chunk of a prompt is asked for relative to the room that there is, and what is "
        "held back is suspended but not taken back. Each time that it is held back it has more."
    ),
    machine="executor",
    make_target=with_executor(AsksForMore),
    oracles=("step",),
    parameters=PLAIN,
    without=STAYING,
)
