"""M-30: onboarding the first matched block evicts the second."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.free_queues import NOT_QUEUED
from kvproof.impl.block_manager.plan import Plan, Retention


class ClaimsInTurn(BatchPhases):
    """Has no first phase: it claims each matched block only when its turn comes."""

    _kept: list[Retention]

    def claim_matches(self, plans: list[Plan]) -> None:
        for plan in plans:
            plan.fresh, plan.kept = self._retention.by_position(plan.request.ranges, plan.needed)

    def onboard_and_allocate(self, plan: Plan) -> None:
        self._kept = plan.kept
        super().onboard_and_allocate(plan)

    def take_match(self, sequence: int, block: int) -> None:
        blocks = self._blocks
        if blocks.handle[block] != NOT_QUEUED:
            blocks.step_claim(block)
        blocks.step_prioritise(block, *self._kept[len(blocks.sequences[sequence].blocks)])
        super().take_match(sequence, block)

    def take_tail(self, plan: Plan) -> None:
        self.claim_tail(plan)
        super().take_tail(plan)


OnboardBeforeClaim = plant(BlockManager, parts={BatchPhases: ClaimsInTurn})


BUG = SeededBug(
    id="M-30",
    title="onboarding a match evicts the next match",
    source="#12892",
    mechanism=(
        "Matched blocks are claimed one by one. Onboarding the first takes a free block, which may offload a victim into "
        "the host slot of the second match: the request counted on it, and now holds an evicted block with other data."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, OnboardBeforeClaim),
    seed=6,
    oracles=("step", "crash", "result", "observation"),
    # A prompt must match two host blocks of which the second is the next host victim, and a device victim must be worth
    # offloading: rare in a pool of any size but the smallest.
    parameters={
        "primary_blocks": 3,
        "secondary_blocks": 2,
        "tokens_per_block": 1,
        "sequences": 2,
        "max_tokens": 3,
        "vocabulary": 2,
        "extra_ids": 1,
        "priorities": 1,
        "default_priority": 0,
        "offload_threshold": 0,
        "pins_max": 0,
        "reuse": 1,
        "partial_reuse": 0,
        "batch_max": 1,
        "ranges_max": 0,
        "budget_max": 0,
        "duration_max": 0,
    },
)
