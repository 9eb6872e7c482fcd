"""V2-10: dropping a window's page removes the block."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import NO_STATE, SHARED_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import Kind, SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class PruneOnOneLifeCycle(Room):
    """Takes a block without children out of the tree as soon as the page of one life cycle goes."""

    def drop(self, page: int) -> None:
        node, pages = self._pages.node[page], self._pages
        if node is not None and pages.kind[page] == Kind.WINDOW and not node.children:
            block = node.pages[Kind.FULL]
            if not pages.holds[block]:
                super().drop(block)
                return
        super().drop(page)


PrunesBlocks = plant(SequenceCaches, parts={Room: PruneOnOneLifeCycle})


BUG = SeededBug(
    id="V2-10",
    title="dropping a window's page removes the block",
    source="#17323 #17926 #18095 #17145",
    mechanism=(
        "When the page of one life cycle is unlinked, a block without children is removed, although other life cycles have "
        "pages there still. They are lost for reuse, and a request whose path is removed goes on beside the tree."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(PrunesBlocks),
    seed=4,
    oracles=("observation", "crash", "step"),
    parameters={
        **NO_STATE,
        **SHARED_WINDOW,
        **SHORT_BLOCKS,
        "tertiary_slots": 0,
        "primary_slots": 3,
        "secondary_slots": 0,
        "window_tokens": 2,
        "chunks": 3,
        "blocks_max": 1,
        "caches": 1,
        "gate_percent": 100,
    },
    without=frozenset({"stop_committing", "prefetch", "suspend"}),
)
