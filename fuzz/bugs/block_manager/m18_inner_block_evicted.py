"""M-18: inner block evicted."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.allocation import Allocation


class LeavesOnly(Allocation):
    """Evicts the victim and nothing below it."""

    def evict(self, block: int) -> None:
        self._counters.blocks_evicted += 1
        self._blocks.step_claim(block)
        self._blocks.step_detach(block)
        self._blocks.step_release(block, True)


VictimIsLeaf = plant(BlockManager, parts={Allocation: LeavesOnly})


BUG = SeededBug(
    id="M-18",
    title="inner block evicted",
    source="#699 #2708 #3735",
    mechanism=(
        "Only leaves are thought to be evicted, and the victim is taken for one. Two sequences that share a prefix "
        "which both have computed are enough for a free block with a child in use: the assertion ends the process."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, VictimIsLeaf),
    oracles=("crash",),
)
