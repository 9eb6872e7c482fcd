"""V2-15: a capacity that runs away."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.release import Release


class KeepsGrowth(Release):
    """Skips a pass, and keeps what it was given for it."""

    def release_generation(self, request: Request) -> None:
        self._steps.step_strike(request.number)


GrowthKept = plant(Executor, parts={Release: KeepsGrowth})


BUG = SeededBug(
    id="V2-15",
    title="a capacity that runs away",
    source="#13104",
    mechanism=(
        "When a pass is skipped, what generating requests were given for it is not taken back, so each such pass "
        "adds the tokens of a step, until the index row is too short."
    ),
    machine="executor",
    make_target=with_executor(GrowthKept),
    oracles=("step",),
    parameters={**PLAIN, "primary_slots": 6, "requests": 1, "rows": 1},
    without=STAYING,
)
