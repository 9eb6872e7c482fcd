"""M-08: old duration kept."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

DurationKept = plant(
    BlockManager,
    Patch(
        "block_manager.blocks",
        old="""
            self.priority[block] = priority
        self.duration[block] = duration
""",
        new="""
            self.priority[block] = priority
            self.duration[block] = duration
""",
    ),
)
"""Takes no wish for a wish to leave everything as it is."""


BUG = SeededBug(
    id="M-08",
    title="old duration kept",
    source="#8830",
    mechanism=(
        "A cached block is reused by a request that has no wish for it. Its priority stays, as it should, and so "
        "does the duration that an earlier request asked for: released again, it expires although nobody wanted "
        "that any more."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, DurationKept),
    oracles=("observation",),
    no_variant="policy: which duration a reused block has is decided, no rule is broken",
)
