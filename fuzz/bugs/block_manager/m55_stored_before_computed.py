"""M-55: blocks stored before they are computed."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

WholePromptStored = plant(
    BlockManager,
    Patch(
        "block_manager.sequences",
        old="        return live.computed // self._config.tokens_per_block if self._config.reuse else 0",
        new="        return len(live.tokens) // self._config.tokens_per_block if self._config.reuse else 0",
    ),
)
"""Offers what a sequence will have."""


BUG = SeededBug(
    id="M-55",
    title="blocks stored before they are computed",
    source="#12673 #12769",
    mechanism=(
        "With chunked prefill all full blocks of a prompt are stored when its first chunk is done. Other requests "
        "reuse blocks that hold nothing yet, or what was there before."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, WholePromptStored),
    seed=6,
    oracles=("step", "content"),
)
