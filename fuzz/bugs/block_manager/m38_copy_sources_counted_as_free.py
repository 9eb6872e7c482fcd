"""M-38: admission counts copy sources as free."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.plan import Plan
from kvproof.impl.device import Level


class SourcesForgotten(AdmissionControl):
    """Compares what is needed with what is free, as if copying took nothing out of the queues."""

    def admission_shortfall(self, plans: list[Plan]) -> int:
        slot, primary = self._blocks.slot, self._blocks.primary_slots
        chained = {block for plan in plans for block in plan.chain}
        taken_over = {plan.tail for plan in plans if plan.in_place}
        claimed = self.claimed_primary(plans) & (chained | taken_over)
        needed = sum(1 for block in chained if slot[block] >= primary)
        for plan in plans:
            needed += plan.needed - len(plan.chain)
            needed -= plan.in_place and slot[plan.tail] < primary
        return max(0, needed - self._blocks.queues.counts[Level.PRIMARY] + len(claimed))


SourcesCountedAsFree = plant(BlockManager, parts={AdmissionControl: SourcesForgotten})

BUG = SeededBug(
    id="M-38",
    title="admission counts copy sources as free",
    source="derived from #13029",
    mechanism=(
        "A copy source that nothing refers to is claimed until it has been read. Admission counts it among the free "
        "blocks all the same: a batch that needs as many as there are is admitted, and the second phase finds none."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, SourcesCountedAsFree),
    seed=2,
    oracles=("crash",),
    # All free blocks must be needed while one of them is a source with something below it: rare in a pool of any size but
    # the smallest.
    parameters={
        "primary_blocks": 2,
        "secondary_blocks": 1,
        "tokens_per_block": 2,
        "sequences": 3,
        "max_tokens": 4,
        "vocabulary": 2,
        "extra_ids": 1,
        "pins_max": 1,
        "reuse": 1,
        "partial_reuse": 1,
        "copy_on_partial_reuse": 1,
        "batch_max": 1,
        "ranges_max": 0,
        "budget_max": 0,
        "duration_max": 0,
    },
)
