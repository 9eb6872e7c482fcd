"""M-19: child in host memory left behind."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.free_queues import NOT_QUEUED


class OwnLevel(Allocation):
    """Does not expect children elsewhere."""

    def evict(self, block: int) -> None:
        blocks = self._blocks
        level = blocks.level(block)
        for node in blocks.tree.subtree(block):
            if blocks.level(node) is not level:
                continue
            self._counters.blocks_evicted += 1
            free = blocks.handle[node] != NOT_QUEUED
            if free:
                blocks.step_claim(node)
            blocks.step_detach(node)
            if free:
                blocks.step_release(node, True)


OwnLevelOnly = plant(BlockManager, parts={Allocation: OwnLevel})


BUG = SeededBug(
    id="M-19",
    title="child in host memory left behind",
    source="#4596",
    mechanism=(
        "Blocks below the victim are evicted with it if they are on its level. A child that was offloaded is "
        "forgotten and keeps its parent, which cannot leave the tree then: the assertion ends the process."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, OwnLevelOnly),
    oracles=("crash",),
)
