"""X-03: a suspended cache's pages are not queued."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.life_cycle import LifeCycle
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class LostOnSuspend(LifeCycle):
    """Does nothing about pages when the last lock goes."""

    def settle_all(self, cache: SequenceCache) -> None:
        del cache


QueuesNothing = plant(SequenceCaches, parts={LifeCycle: LostOnSuspend})


BUG = SeededBug(
    id="X-03",
    title="a suspended cache's pages are not queued",
    source="mutant of the queue discipline (B-11)",
    mechanism=(
        "Suspending gives the locks up, but queues nothing. So it vacates nothing: the pages are in use as far as eviction "
        "and the gate can tell, until the cache is resumed or closed."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(QueuesNothing),
    seed=2,
    oracles=("observation",),
)
