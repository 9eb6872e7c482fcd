"""M-44: subtree given up without claims."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues

ReleasedUnclaimed = plant(
    BlockManager,
    Patch(
        "block_manager.paths",
        old="""
        if self._blocks.handle[block] == NOT_QUEUED:
            self._blocks.step_prioritise(block, 0, 0)
        else:
            self._blocks.step_claim(block)
            self._blocks.step_prioritise(block, 0, 0)
            self._blocks.step_release(block, True)
""",
        new="""
        if self._blocks.refs[block]:
            self._blocks.step_prioritise(block, 0, 0)
        else:
            self._blocks.step_release(block, True)
""",
    ),
    parts={FreeQueues: EvictionLists},
)
"""Takes a block that nothing refers to for one that is in no queue."""


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
