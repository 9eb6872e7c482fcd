"""X-06: a prefix is matched without its window."""

from __future__ import annotations

from collections.abc import Sequence

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import NO_STATE, SHARED_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.prefix_tree import PrefixTree


class BlocksAlone(PrefixTree):
    """Takes a block for known when its page of full attention is."""

    def has_windows(self, runs: Sequence[int], count: int) -> bool:
        return True


MatchWithoutWindow = plant(SequenceCaches, parts={PrefixTree: BlocksAlone})


BUG = SeededBug(
    id="X-06",
    title="a prefix is matched without its window",
    source="mutant of the match (B-15)",
    mechanism=(
        "Matching looks at full attention alone. Where a page of the window has been dropped since, the new cache attends "
        "to blocks that are not there."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(MatchWithoutWindow),
    seed=8,
    oracles=("step", "result", "crash"),
    parameters={
        **NO_STATE,
        **SHARED_WINDOW,
        **SHORT_BLOCKS,
        "window_tokens": 2,
        "primary_slots": 4,
        "secondary_slots": 0,
    },
    without=frozenset({"stop_committing", "prefetch"}),
)
