"""V2-07: a commit that takes a page over fails half way."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.committing import Commits
from kvproof.impl.sequence_caches.reasons import refuse
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class BroughtUpFirst(Commits):
    """Brings the committed page up while the cache still has its own."""

    def exchange(self, cache: SequenceCache, place: int, known: int) -> None:
        own, pages = cache.cells[place], self._pages
        if pages.level[known] and not self._room.has_room(pages.group[own], 1):
            self._steps.step_unlock(cache, place)
            refuse("out-of-pages", f"cache {cache.number}: page {known} cannot be brought up")
        super().exchange(cache, place, known)


CommitsHalfWay = plant(SequenceCaches, parts={Commits: BroughtUpFirst})


BUG = SeededBug(
    id="V2-07",
    title="a commit that takes a page over fails half way",
    source="_commit_block of Python 00f6bd61",
    mechanism=(
        "The block is committed already and its page is in host memory. The cache gives the lock on its own page up, but "
        "not the page, and device memory has no slot for the other: the commit raises, with its cell half changed."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(CommitsHalfWay),
    seed=26,
    oracles=("result",),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 1, "secondary_slots": 1, "blocks_max": 1},
    without=ENDS - {"close"},
)
