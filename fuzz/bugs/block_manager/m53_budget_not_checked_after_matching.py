"""M-53: budget not checked after matching."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

NotTrimmed = plant(
    BlockManager,
    Patch(
        "block_manager.admission", old="            self._budget.trim_ends(plans, token_budget)", new="            pass"
    ),
)
"""Trusts the scheduler."""


BUG = SeededBug(
    id="M-53",
    title="budget not checked after matching",
    source="#13318 #13351 #13601 #15187",
    mechanism=(
        "What a batch costs is not looked at again once its matches are known. Where an estimate was too high for "
        "whatever reason, the forward pass gets more tokens than it has room for."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, NotTrimmed),
    seed=4,
    oracles=("result",),
)
