"""M-37: no rollback of half a batch."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

RefusedHalfway = plant(
    BlockManager,
    Patch("block_manager.admission", old="        self.check_admission(plans)", new=""),
    Patch(
        "block_manager.allocation",
        old="        self._counters.blocks_allocated += 1",
        new="""
        if not queues.counts[_PRIMARY]:
            self._counters.refuse("no-free-blocks", "no free block found")
        self._counters.blocks_allocated += 1
""",
    ),
)
"""Notices that there is no free block when it wants one."""


BUG = SeededBug(
    id="M-37",
    title="no rollback of half a batch",
    source="#12865 (review)",
    mechanism=(
        "Nothing is tested before a batch begins. When blocks run out in its second phase, the error leaves claims "
        "without references and the sequences of the requests before, although the caller is told that the batch "
        "was refused."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, RefusedHalfway),
    oracles=("observation", "step"),
)
