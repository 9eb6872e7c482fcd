"""X-24: a pair of which one half stays grown."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import DRAFTED, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor
from kvproof.impl.executor.pairs import Pairs, Readied


class ForgetsTheTarget(Pairs):
    """Takes back nothing when the draft model's cache cannot be made ready."""

    def undo(self, readied: Readied) -> None:
        """Leave it."""


HalfStaysGrown = plant(Executor, parts={Pairs: ForgetsTheTarget})


BUG = SeededBug(
    id="X-24",
    title="a pair of which one half stays grown",
    source="#18660 (review)",
    mechanism=(
        "When the draft model's cache cannot be made ready, the target model's stays active, with the room that it was "
        "given, though the request is not in this pass."
    ),
    machine="executor",
    make_target=with_executor(HalfStaysGrown),
    oracles=("observation", "step", "result", "crash"),
    parameters=DRAFTED,
    without=STAYING,
)
