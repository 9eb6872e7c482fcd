"""V2-20: one list of copies for all pools."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.fuzz.targets.devices import layered_pools
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.device import Layout, Move, Piece, PrefixMove


class OneTaskList(Layout):
    """Makes the lists of all pools as `[[]] * pools`: they are one list, and each pool gets every pool's copies."""

    def pieces(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[list[Piece]]:
        shared: list[Piece] = []
        tasks = [shared] * len(self.pools)
        for pool in range(len(self.pools)):
            tasks[pool] += self.pool_pieces(pool, moves, prefixes)
        return tasks


BUG = SeededBug(
    id="V2-20",
    title="one list of copies for all pools",
    source="Python sequence caches at b2dd2882",
    mechanism=(
        "The copies of each pool are gathered in a list of its own, but by mistake it is the same list. Every pool carries "
        "out the copies of all, with their sizes and offsets, and overwrites neighbours."
    ),
    make_target=lambda: BlockManagerTarget(
        partial(simulated_device, layout_type=OneTaskList), BlockManager, layered_pools
    ),
    oracles=("content", "crash"),
    no_variant="implementation only: addresses are below the specification",
)
