"""M-30: onboarding the first matched block evicts the second."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl import BlockManager
from kvproof.impl.free_queues import NOT_QUEUED


class OnboardBeforeClaim(BlockManager):
    """Claims each matched block only when its turn comes."""

    def reuse(self, sequence: int, matched: list[int], priority: int) -> None:
        for block in matched:
            if self._queues.handle[block] != NOT_QUEUED:
                self.step_claim(block)
            self.step_prioritise(block, priority)
            if self._slot[block] >= self._primary_slots:
                self.onboard(block)
            self.step_acquire(sequence, block)


BUG = SeededBug(
    id="M-30",
    title="onboarding a match evicts the next match",
    source="#12892",
    mechanism=(
        "Matched blocks are claimed one by one. Onboarding the first takes a free block, which may offload a victim into "
        "the host slot of the second match: the request counted on it, and now holds an evicted block with other data."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, OnboardBeforeClaim),
    oracles=("step", "crash", "observation"),
    parameters={"primary_blocks": 3, "secondary_blocks": 2, "tokens_per_block": 1, "pins_max": 0},
)
