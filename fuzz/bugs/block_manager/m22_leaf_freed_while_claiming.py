"""M-22: leaf freed while others are claiming."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.prompts import Plan


class FreeLeafWhileClaiming(BlockManager):
    """Has the tree change between two claims."""

    def claim_tail(self, plan: Plan) -> None:
        super().claim_tail(plan)
        if plan.in_place:
            self.step_detach(plan.tail)

    def take_tail_in_place(self, plan: Plan) -> None:
        if self._slot[plan.tail] >= self._primary_slots:
            self.onboard(plan.tail)
        self.step_acquire(plan.request.sequence, plan.tail)
        self.counters.blocks_taken_in_part += 1


BUG = SeededBug(
    id="M-22",
    title="leaf freed while others are claiming",
    source="#12892 (first version)",
    mechanism=(
        "A leaf that a request takes over is taken out of the tree at once, in the first phase. Later requests of "
        "the batch that hang on it lose their matches, or find the tree changed under their feet."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, FreeLeafWhileClaiming),
    oracles=("step",),
)
