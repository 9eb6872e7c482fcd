"""V2-17: a cache takes a committed page over before its own block is full."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.committing import Commits
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class PartialRebase(Commits):
    """Does not ask whether the block is full when it is committed already."""

    def can_commit(self, cache: SequenceCache, ordinal: int) -> bool:
        if super().can_commit(cache, ordinal):
            return True
        begun = ordinal * self._config.tokens_per_block < cache.history
        return begun and ordinal < len(cache.text) and not cache.stopped and self.find(cache, ordinal) is not None


TakesOverTooEarly = plant(SequenceCaches, parts={Commits: PartialRebase})


BUG = SeededBug(
    id="V2-17",
    title="a cache takes a committed page over before its own block is full",
    source="#12306",
    mechanism=(
        "The condition for sharing a block lacks that one's own is full. A cache that has computed a part of it adopts the "
        "page that others share, and writes the rest of its tokens into that."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(TakesOverTooEarly),
    seed=17,
    oracles=("step", "result", "crash"),
    parameters={
        **FULL_ATTENTION,
        **SHORT_BLOCKS,
        "primary_slots": 4,
        "tokens_per_block": 2,
        "blocks_max": 2,
        "caches": 2,
    },
    without=ENDS | {"suspend"},
)
