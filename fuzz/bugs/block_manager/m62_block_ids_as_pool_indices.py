"""M-62: block ids used as pool indices."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

IdsAsSlots = plant(
    BlockManager,
    Patch(
        "block_manager.blocks",
        old="        live.table.append(self._entry(self.slot[block]))",
        new="        live.table.append(block)",
    ),
)
"""Writes block ids where kernels expect slots."""


BUG = SeededBug(
    id="M-62",
    title="block ids used as pool indices",
    source="#13124",
    mechanism=(
        "The page table names a block's id instead of its slot. They agree until the first offload or onboarding swaps "
        "two slots; then kernels read and write other blocks' data, or beyond the pool."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, IdsAsSlots),
    oracles=("crash", "race", "content"),
    no_variant="implementation only: page tables are below the specification",
)
