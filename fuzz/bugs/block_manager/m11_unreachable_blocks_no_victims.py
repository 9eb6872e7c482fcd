"""M-11: unreachable blocks are no better victims."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues


class StoredPositions(FreeQueues):
    """Takes a block out of the queue that it is in, wherever it is looked for."""

    def reject_misplaced(self, block: int, level: int, rank: int) -> int:
        """The queue that its handle remembers."""
        return self.handle[block]


class UnreachableLikeCached(BlockManager):
    """Does not ask whether a block is cached when it is released."""

    queues_type = StoredPositions

    def step_release(self, block: int, to_front: bool) -> None:
        if self._is_cached(block):
            super().step_release(block, to_front)
            return
        self._queues.push(block, self._level(block), 1 + self._priority[block], to_front)
        self._priority[block] = self._duration[block] = 0


BUG = SeededBug(
    id="M-11",
    title="unreachable blocks are no better victims",
    source="#11685 #16011",
    mechanism=(
        "A block that is not cached is queued like any other, at the back of the queue of the priority that it had. "
        "So cached blocks are evicted while blocks that hold nothing wait behind them."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, UnreachableLikeCached),
    oracles=("observation", "step"),
)
