"""M-22: leaf freed while others are claiming."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

FreeLeafWhileClaiming = plant(
    BlockManager,
    Patch(
        "block_manager.batch",
        old="            blocks.step_prioritise(plan.tail, *plan.kept[len(plan.chain)])",
        new="""
            blocks.step_prioritise(plan.tail, *plan.kept[len(plan.chain)])
            blocks.step_detach(plan.tail)
""",
    ),
    Patch("block_manager.batch", old="        blocks.step_detach(block)", new=""),
)
"""Has the tree change between two claims."""


BUG = SeededBug(
    id="M-22",
    title="leaf freed while others are claiming",
    source="#12892 (first version)",
    mechanism=(
        "A leaf that a request takes over is taken out of the tree at once, in the first phase. Later requests of "
        "the batch that hang on it lose their matches, or find the tree changed under their feet."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, FreeLeafWhileClaiming),
    oracles=("step",),
)
