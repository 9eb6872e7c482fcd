"""M-75: the first phase claims only the first match of each request."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

FirstMatchClaimed = plant(
    BlockManager,
    Patch(
        "block_manager.batch",
        old="            for block, (priority, duration) in zip(plan.chain, plan.kept, strict=False):",
        new="            for block, (priority, duration) in zip(plan.chain[:1], plan.kept, strict=False):",
    ),
)
"""Leaves all of a chain but its first block in the free queue until its turn comes."""


BUG = SeededBug(
    id="M-75",
    title="only the first match of a request is claimed",
    source="variant of #12892",
    mechanism=(
        "The first phase claims the first block of each chain and no other. Prompts that reuse one whole block are served "
        "well; with two, what is allocated for an earlier request may evict a block on which a later one has counted."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, FirstMatchClaimed),
    oracles=("step", "crash", "result", "observation"),
)
