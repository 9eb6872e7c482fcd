"""M-19: child in host memory left behind."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import NOT_QUEUED


class OwnLevelOnly(BlockManager):
    """Does not expect children elsewhere."""

    def evict(self, block: int) -> None:
        level = self._level(block)
        for node in self._tree.subtree(block):
            if self._level(node) is not level:
                continue
            self.counters.blocks_evicted += 1
            free = self._queues.handle[node] != NOT_QUEUED
            if free:
                self.step_claim(node)
            self.step_detach(node)
            if free:
                self.step_release(node, True)


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
