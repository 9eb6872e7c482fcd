"""X-23: a target that grows with each try."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request, Stage


class AsksForMore(Executor):
    """Counts from what it has, and keeps what it got."""

    def context_target(self, request: Request, chunk: int) -> int:
        return min(self.capacity(request) + chunk, self.tokens_max)

    def release(self, requests: list[Request]) -> None:
        for request in sorted(requests, key=lambda each: each.number):
            if request.stage is Stage.GENERATION:
                self.release_generation(request)
            else:
                self.release_context(request)

    def release_context(self, request: Request) -> None:
        self.suspend_caches(request)
        self.step_strike(request.number)


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
