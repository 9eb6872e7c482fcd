"""V2-02: a rollback that scratch slots stop."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import SCRATCH, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor
from kvproof.impl.executor.pairs import Pairs
from kvproof.impl.sequence_caches import CachesInspection


class ShrinksWithoutScratchOnly(Pairs):
    """Leaves a cache with scratch slots as large as it is."""

    def shrink(self, cache: int, capacity: int) -> None:
        if not CachesInspection(self.caches.snapshot()).caches()[cache].scratch:
            super().shrink(cache, capacity)


StoppedByScratch = plant(Executor, parts={Pairs: ShrinksWithoutScratchOnly})


BUG = SeededBug(
    id="V2-02",
    title="a rollback that scratch slots stop",
    source="#14849 #14934",
    mechanism=(
        "The room that a deferred prompt was given is taken back only where the cache has no scratch slots, as "
        "shrinking asserts that there are none. A prompt with a sliding window keeps all that it was grown by, "
        "and the next pass grows it from there."
    ),
    machine="executor",
    make_target=with_executor(StoppedByScratch),
    oracles=("step", "observation"),
    parameters=SCRATCH,
    without=STAYING,
    gap="in the variant a first chunk stays with its scratch; here that is freed, and a later one must come",
)
