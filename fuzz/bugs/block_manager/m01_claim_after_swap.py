"""M-01: claim after swap."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager


class ClaimAfterSwap(BlockManager):
    """Exchanges the slots of two blocks that still wait in their queues."""

    queues_type = EvictionLists

    def exchange_with_host(self, victim: int, host: int) -> None:
        self.step_copy(victim, host, self.config.tokens_per_block)
        self.step_swap(victim, host)
        self.step_claim(victim)
        self.step_release(victim, False)
        self.step_claim(host)


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
