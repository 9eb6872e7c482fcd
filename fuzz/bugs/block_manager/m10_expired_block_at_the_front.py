"""M-10: expired block queued at the front."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

ExpiredFirst = plant(
    BlockManager,
    Patch(
        "block_manager.retention",
        old="        blocks.step_release(block, False)",
        new="        blocks.step_release(block, True)",
    ),
)
"""Gives a block up as soon as its time is over."""


BUG = SeededBug(
    id="M-10",
    title="expired block queued at the front",
    source="found by reading the code",
    mechanism=(
        "A block whose priority has run out is queued at the front of the default queue, where it becomes the next "
        "victim, and not at the back, behind the blocks that were used before it."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ExpiredFirst),
    oracles=("observation",),
    no_variant="policy: any victim order keeps the rules",
)
