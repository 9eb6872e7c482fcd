"""M-32: copy sources held to the end of the batch."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

SourceHeldToTheEnd = plant(
    BlockManager,
    Patch(
        "block_manager.batch",
        old="        return [self.admit(plan) for plan in plans]",
        new="""
        admitted = [self.admit(plan) for plan in plans]
        for plan in plans:
            if plan.releases_source:
                self._blocks.step_release(plan.tail, False)
        return admitted
""",
    ),
    Patch(
        "block_manager.batch",
        old="""
        if plan.releases_source:
            blocks.step_release(plan.tail, False)
""",
        new="",
    ),
)
"""Gives back after the last request what the last copier should."""


BUG = SeededBug(
    id="M-32",
    title="copy sources held to the end of the batch",
    source="#13029 (its third commit)",
    mechanism=(
        "Sources of copies are claimed, and released when the whole batch is done. A request that needs the block "
        "in between finds no free one, although the batch was admitted."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, SourceHeldToTheEnd),
    seed=0,
    oracles=("crash", "observation", "result"),
)
