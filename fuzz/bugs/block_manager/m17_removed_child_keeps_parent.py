"""M-17: a removed child keeps its parent pointer."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

ParentPointerKept = plant(
    BlockManager,
    Patch(
        "block_manager.reuse_tree",
        old="""
        self.parent[block] = UNATTACHED  # a parent pointer left behind is the bug of #13571
        self.key[block] = None
""",
        new="",
    ),
)
"""Erases a child from its parent's children and nothing else."""


BUG = SeededBug(
    id="M-17",
    title="removed child keeps its parent pointer",
    source="#13571 #13572 #13578",
    mechanism=(
        "Removing a child from its parent's map leaves the child's own pointer. The block looks cached for ever, and the "
        "next attempt to remove it asks the old parent for a child that it no longer has, which is a hard check."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ParentPointerKept),
    oracles=("step", "observation", "crash"),
)
