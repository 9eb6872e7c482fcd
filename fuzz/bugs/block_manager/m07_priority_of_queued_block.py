"""M-07: priority of a queued block changed."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues

PriorityInQueue = plant(
    BlockManager,
    Patch(
        "block_manager.blocks",
        old="""
        if self.handle[block] != NOT_QUEUED:
            raise ProtocolError(f"block {block}: its priority was changed to {priority} while it is in a free queue")
""",
        new="",
    ),
    Patch("block_manager.paths", old="        if self._blocks.handle[block] == NOT_QUEUED:", new="        if True:"),
    parts={FreeQueues: EvictionLists},
)
"""Sets priorities as a plain assignment."""


BUG = SeededBug(
    id="M-07",
    title="priority of a queued block changed",
    source="#12834",
    mechanism=(
        "Giving up a subtree sets the priority of blocks where they wait, in the queue of their old priority. They "
        "are not the next victims then, and whoever claims one looks for it in a queue that it is not in."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, PriorityInQueue),
    oracles=("step", "observation"),
)
