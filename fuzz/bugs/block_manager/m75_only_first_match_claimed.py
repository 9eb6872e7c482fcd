"""M-75: the first phase claims only the first match of each request."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.prompts import NO_BLOCK, Plan


class FirstMatchClaimed(BlockManager):
    """Leaves all of a chain but its first block in the free queue until its turn comes."""

    def claim_matches(self, plans: list[Plan]) -> None:
        self.step_open_claims()
        for plan in plans:
            plan.fresh, plan.kept = self.retention_by_position(plan.request.ranges, plan.needed)
            for block, retention in zip(plan.chain[:1], plan.kept, strict=False):
                self.hold(block)
                self.step_prioritise(block, *retention)
            if plan.tail != NO_BLOCK:
                self.claim_tail(plan)
        self.step_close_claims(self.matched_blocks(plans))


BUG = SeededBug(
    id="M-75",
    title="only the first match of a request is claimed",
    source="variant of #12892",
    mechanism=(
        "The first phase claims the first block of each chain and no other. Prompts that reuse one whole block are served "
        "well; with two, what is allocated for an earlier request may evict a block on which a later one has counted."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, FirstMatchClaimed),
    oracles=("step", "crash", "result", "observation"),
)
