"""M-31: copy source left in its queue."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.prompts import Plan


class SourceUnclaimed(BlockManager):
    """Claims what a request takes, and not what it reads."""

    def claim_tail(self, plan: Plan) -> None:
        if plan.in_place:
            super().claim_tail(plan)

    def release_source(self, plan: Plan) -> None:
        """It never left its queue."""


BUG = SeededBug(
    id="M-31",
    title="copy source left in its queue",
    source="#12892 (review)",
    mechanism=(
        "A block that is matched in part and copied is not claimed when nothing refers to it. It waits in its queue "
        "while the batch allocates, and may be offloaded or evicted before its data are read."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, SourceUnclaimed),
    oracles=("step",),
)
