"""X-33: slots exchanged before the copy is enqueued."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager


class SwapsFirst(BlockManager):
    """Offloads and onboards with the metadata already changed when it says what to copy."""

    def exchange_with_host(self, victim: int, host: int) -> None:
        self.step_claim(victim)
        self.step_claim(host)
        self.step_swap(victim, host)
        self.step_copy(victim, host, self.config.tokens_per_block)
        self.step_release(victim, False)

    def onboard(self, block: int) -> None:
        displaced = self.take_free()
        self.step_swap(block, displaced)
        self.step_copy(block, displaced, self.config.tokens_per_block)
        self.step_release(displaced, True)
        self.counters.blocks_onboarded += 1


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
