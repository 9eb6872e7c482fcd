"""M-10: expired block queued at the front."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager


class ExpiredFirst(BlockManager):
    """Gives a block up as soon as its time is over."""

    def expire(self, block: int) -> None:
        self.step_claim(block)
        self.step_prioritise(block, self.config.default_priority, 0)
        self.step_release(block, True)


BUG = SeededBug(
    id="M-10",
    title="expired block queued at the front",
    source="found by reading the code",
    mechanism=(
        "A block whose priority has run out is queued at the front of the default queue, where it becomes the next "
        "victim, and not at the back, behind the blocks that were used before it."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, ExpiredFirst),
    oracles=("observation",),
    no_variant="policy: any victim order keeps the rules",
)
