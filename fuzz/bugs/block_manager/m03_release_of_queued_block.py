"""M-03: duplicate release."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues

DUPLICATE_RELEASE = (
    Patch(
        "block_manager.blocks",
        old="""
        self.refs[block] += 1
        live.blocks.append(block)
""",
        new="""
        if self.refs[block] == self.pins[block]:
            self.refs[block] += 1
        live.blocks.append(block)
""",
    ),
    Patch(
        "block_manager.blocks",
        old="""
        if not self.refs[block]:
            raise ProtocolError(f"block {block}: dropped by sequence {sequence} without a reference")
        live.blocks.pop()
        live.table.pop()
        self.refs[block] -= 1
""",
        new="""
        live.blocks.pop()
        live.table.pop()
        if self.refs[block] > self.pins[block]:
            self.refs[block] -= 1
""",
    ),
)
"""Lists a block once more than it counts references to it, and tolerates that when they are taken back."""

DuplicateRelease = plant(BlockManager, *DUPLICATE_RELEASE, parts={FreeQueues: EvictionLists})


BUG = SeededBug(
    id="M-03",
    title="release of a queued block",
    source="#14937",
    mechanism=(
        "A block is in the lists of two sequences but counted once, so each sequence's end releases it. The second release "
        "is accepted: the older list node becomes an orphan, and a later claim leaves the block both in use and queued."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, DuplicateRelease),
    seed=2,
    oracles=("step", "observation"),
)
