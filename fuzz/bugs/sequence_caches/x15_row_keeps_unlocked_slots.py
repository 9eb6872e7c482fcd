"""X-15: the index row keeps the slots of pages that are not locked any more."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class SlotsLeftInTheRow(CacheSteps):
    """Writes an index row when a page is locked, and not when the lock is given up."""

    def step_unlock(self, cache: SequenceCache, place: int) -> None:
        entries, cache.entries = cache.entries, None
        super().step_unlock(cache, place)
        cache.entries = entries


RowsKeepSlots = plant(SequenceCaches, parts={CacheSteps: SlotsLeftInTheRow})


BUG = SeededBug(
    id="X-15",
    title="the index row keeps the slots of pages that are not locked any more",
    source="mutant of the index rows (S-7)",
    mechanism=(
        "The row that kernels read has an entry for each locked page, and -1 otherwise. Entries stay when a cache is "
        "suspended or shrinks, and name slots that other pages get."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(RowsKeepSlots),
    seed=5,
    oracles=("crash",),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS},
    without=ENDS,
    no_variant="implementation only: which slot a page has makes no difference in the specification",
)
