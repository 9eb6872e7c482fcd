"""V2-18: a cache keeps a page that it has committed when that has left its window."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import ENDS, NO_STATE, SHARED_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.committing import Commits
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class StaleKept(Commits):
    """Lets nothing go after a commit."""

    def let_go_of_stale(self, cache: SequenceCache, ordinal: int) -> None:
        del cache, ordinal


KeepsStale = plant(SequenceCaches, parts={Commits: StaleKept})


BUG = SeededBug(
    id="V2-18",
    title="a cache keeps a page that it has committed when that has left its window",
    source="#14478",
    mechanism=(
        "A stale block is held until it is committed. The commit leaves the hold behind, so the page can neither be "
        "dropped nor reused while the cache lives, and the next suspend finds a page where there must be none."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(KeepsStale),
    seed=6,
    oracles=("observation",),
    parameters={**NO_STATE, **SHARED_WINDOW, **SHORT_BLOCKS},
    without=ENDS,
)
