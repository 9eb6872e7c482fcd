"""M-11: unreachable blocks are no better victims."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

UnreachableLikeCached = plant(
    BlockManager,
    Patch(
        "block_manager.blocks",
        old="""
            self.priority[block] = self.duration[block] = 0
            self.queues.push(block, level, UNREACHABLE, True)
""",
        new="""
            self.queues.push(block, level, 1 + self.priority[block], to_front)
            self.priority[block] = self.duration[block] = 0
""",
    ),
    Patch(
        "block_manager.free_queues",
        old="""
            sought = f"the {Level(level).name} queue of rank {rank}"
            raise ProtocolError(f"block {block}: claimed from {sought}, but it is {self._where(block)}")
""",
        new="""
            queue = handle[block]
            level, rank = divmod(queue, self._ranks)
""",
    ),
)
"""Does not ask whether a block is cached when it is released, and takes one out of the queue that it is in, wherever it is
looked for."""


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
