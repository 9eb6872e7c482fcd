"""M-20: recursive walk down a deep chain."""

from __future__ import annotations

import sys

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.reuse_tree import ReuseTree

STACK_FRAMES = 14
"""Frames that the walk may use. Historically 8 MiB were full at some 100,000 blocks; stack and pool are scaled alike."""


class RecursiveTree(ReuseTree):
    """Finds the blocks below a block by calling itself for each child, on a small stack."""

    def subtree(self, block: int) -> list[int]:
        """A block and all below it, the deepest first. Raises RecursionError for a chain longer than the stack."""
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(_frames_in_use() + STACK_FRAMES)
        try:
            return self._with_descendants(block)
        finally:
            sys.setrecursionlimit(limit)

    def _with_descendants(self, block: int) -> list[int]:
        found: list[int] = []
        for child in self.children[block].values():
            found += self._with_descendants(child)
        found.append(block)
        return found


def _frames_in_use() -> int:
    frame, count = sys._getframe(), 0
    while frame.f_back is not None:
        frame, count = frame.f_back, count + 1
    return count


RecursiveEviction = plant(BlockManager, parts={ReuseTree: RecursiveTree})


BUG = SeededBug(
    id="M-20",
    title="recursive eviction of a deep chain",
    source="#9767 #10379",
    mechanism=(
        "What hangs below a victim is found by recursion, one call a block. Evicting the head of a long prompt overflows "
        "the stack and ends the process."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, RecursiveEviction),
    oracles=("crash",),
    no_variant="implementation only: the specification has no stack",
    # A chain must be longer than the stack, which no ordinary pool of the harness allows.
    parameters={
        "primary_blocks": 16,
        "secondary_blocks": 0,
        "tokens_per_block": 1,
        "sequences": 2,
        "max_tokens": 16,
        "vocabulary": 1,
        "priorities": 2,
        "default_priority": 1,
        "offload_threshold": 2,
        "pins_max": 0,
        "partial_reuse": 0,
        "budget_max": 0,
        "duration_max": 0,
        "extra_ids": 1,
        "batch_max": 1,
        "ranges_max": 1,
    },
)
