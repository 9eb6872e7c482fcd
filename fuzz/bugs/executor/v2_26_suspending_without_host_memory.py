"""V2-26: suspending where there is no host memory."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import NO_HOST, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor
from kvproof.impl.executor.release import Release


class SuspendsAnyway(Release):
    """Takes suspended pages for free ones."""

    def suspending_frees(self) -> bool:
        return True


SuspendedInVain = plant(Executor, parts={Release: SuspendsAnyway})


BUG = SeededBug(
    id="V2-26",
    title="suspending where there is no host memory",
    source="#12306 #13488",
    mechanism=(
        "To make room requests are suspended, though there is no level below: their pages cannot be evicted, so "
        "nothing is freed, and all wait for each other."
    ),
    machine="executor",
    make_target=with_executor(SuspendedInVain),
    seed=2,
    oracles=("step", "observation", "result"),
    parameters=NO_HOST,
    without=STAYING,
)
