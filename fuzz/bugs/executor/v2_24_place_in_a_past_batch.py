"""V2-24: a place in a batch that is over."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor


class KeepsPlaces(Executor):
    """Suspends, and no more."""

    def step_pause(self, number: int) -> None:
        """Leaves the position."""


BUG = SeededBug(
    id="V2-24",
    title="a place in a batch that is over",
    source="#13592",
    mechanism=(
        "A request that is suspended keeps its place in the last batch. When it is resumed, the engine takes it "
        "for the one whose new token is there."
    ),
    machine="executor",
    make_target=with_executor(KeepsPlaces),
    oracles=("observation", "step"),
    parameters={**PLAIN, "primary_slots": 3, "blocks_max": 2},
    without=STAYING,
)
