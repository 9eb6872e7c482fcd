"""M-44: subtree given up without claims."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager


class ReleasedUnclaimed(BlockManager):
    """Takes a block that nothing refers to for one that is in no queue."""

    queues_type = EvictionLists

    def demote(self, block: int) -> None:
        if self._refs[block]:
            self.step_prioritise(block, 0, 0)
        else:
            self.step_release(block, True)


BUG = SeededBug(
    id="M-44",
    title="subtree given up without claims",
    source="found by reading the code",
    mechanism=(
        "Giving up a subtree releases its blocks without references so that they move to the front. They are in a "
        "queue already, as all such blocks are: each is then queued twice, and counted twice."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ReleasedUnclaimed),
    oracles=("step",),
)
