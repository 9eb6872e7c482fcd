"""M-48: estimate of a prompt that ends with a block."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

LastBlockEstimated = plant(
    BlockManager,
    Patch(
        "block_manager.matching",
        old="        return len(self._blocks.tree.match(full_block_keys(prompt, size), (len(prompt) - 1) // size))",
        new="        return len(self._blocks.tree.match(full_block_keys(prompt, size), len(prompt) // size))",
    ),
)
"""Looks the whole prompt up."""


BUG = SeededBug(
    id="M-48",
    title="estimate of a prompt that ends with a block",
    source="#12404 #12665",
    mechanism=(
        "The estimate counts all cached blocks of a prompt. When the prompt ends with a block, that includes the "
        "last one, which is never reused: its last token must be computed, so the whole block is."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, LastBlockEstimated),
    oracles=("result",),
)
