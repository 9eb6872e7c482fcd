"""V2-24: a place in a batch that is over."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor
from kvproof.impl.executor.steps import ExecutorSteps


class KeepsPlaces(ExecutorSteps):
    """Suspends, and no more."""

    def step_pause(self, number: int) -> None:
        """Leaves the position."""


PlacesKept = plant(Executor, parts={ExecutorSteps: KeepsPlaces})


BUG = SeededBug(
    id="V2-24",
    title="a place in a batch that is over",
    source="#13592",
    mechanism=(
        "A request that is suspended keeps its place in the last batch. When it is resumed, the engine takes it "
        "for the one whose new token is there."
    ),
    machine="executor",
    make_target=with_executor(PlacesKept),
    oracles=("observation", "step"),
    parameters={**PLAIN, "primary_slots": 3, "blocks_max": 2},
    without=STAYING,
)
