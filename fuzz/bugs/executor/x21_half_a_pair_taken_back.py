"""X-21: a pair of which one half is taken back."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import DRAFTED, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.pairs import Pairs


class TakesTargetsBack(Pairs):
    """Forgets the draft model's caches."""

    def shrink_caches(self, request: Request, capacity: int) -> None:
        self.shrink(request.caches[0], capacity)


HalfTakenBack = plant(Executor, parts={Pairs: TakesTargetsBack})


BUG = SeededBug(
    id="X-21",
    title="a pair of which one half is taken back",
    source="#18660 (review)",
    mechanism=(
        "When a prompt is held back, the room of the target model's cache is taken back, and that of the draft "
        "model's is left."
    ),
    machine="executor",
    make_target=with_executor(HalfTakenBack),
    oracles=("step", "observation"),
    parameters=DRAFTED,
    without=STAYING,
)
