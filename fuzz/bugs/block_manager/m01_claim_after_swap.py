"""M-01: claim after swap."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues

ClaimAfterSwap = plant(
    BlockManager,
    Patch(
        "block_manager.allocation",
        old="""
        blocks.step_claim(victim)
        blocks.step_claim(host)
        blocks.step_copy(victim, host, self._config.tokens_per_block)
        blocks.step_swap(victim, host)
        blocks.step_release(victim, False)
""",
        new="""
        blocks.step_copy(victim, host, self._config.tokens_per_block)
        blocks.step_swap(victim, host)
        blocks.step_claim(victim)
        blocks.step_release(victim, False)
        blocks.step_claim(host)
""",
    ),
    parts={FreeQueues: EvictionLists},
)
"""Exchanges the slots of two blocks that still wait in their queues."""


BUG = SeededBug(
    id="M-01",
    title="claim after swap",
    source="#12834 #12297 (#11879)",
    mechanism=(
        "Offloading a victim swaps slots first and claims afterwards, so each block is unlinked through the queue of the "
        "wrong level. The three wrong counter updates cancel, so nothing shows once the operation has ended."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ClaimAfterSwap),
    oracles=("step",),
)
