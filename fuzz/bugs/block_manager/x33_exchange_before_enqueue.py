"""X-33: slots exchanged before the copy is enqueued."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

SwapsFirst = plant(
    BlockManager,
    Patch(
        "block_manager.allocation",
        old="""
        blocks.step_copy(victim, host, self._config.tokens_per_block)
        blocks.step_swap(victim, host)
""",
        new="""
        blocks.step_swap(victim, host)
        blocks.step_copy(victim, host, self._config.tokens_per_block)
""",
    ),
    Patch(
        "block_manager.allocation",
        old="""
        blocks.step_copy(block, displaced, self._config.tokens_per_block)
        blocks.step_swap(block, displaced)
""",
        new="""
        blocks.step_swap(block, displaced)
        blocks.step_copy(block, displaced, self._config.tokens_per_block)
""",
    ),
)
"""Offloads and onboards with the metadata already changed when it says what to copy."""


BUG = SeededBug(
    id="X-33",
    title="slots exchanged before the copy is enqueued",
    source="mutant of the order of copy and swap (B-8)",
    mechanism=(
        "A swap is metadata and may be done as soon as the copy is enqueued, but not before: that is when slots are looked "
        "up. Then the copy goes the wrong way round, and the block's data are lost."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, SwapsFirst),
    oracles=("step", "content"),
    no_variant="the machine of transfers has the variant X-33; here copies take no time",
)
