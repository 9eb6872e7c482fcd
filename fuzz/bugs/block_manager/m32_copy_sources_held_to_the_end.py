"""M-32: copy sources held to the end of the batch."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import AdmittedRequest, BlockManager
from kvproof.impl.block_manager.prompts import Plan


class SourceHeldToTheEnd(BlockManager):
    """Gives back after the last request what the last copier should."""

    def run_batch(self, plans: list[Plan]) -> list[AdmittedRequest]:
        admitted = super().run_batch(plans)
        for plan in plans:
            if plan.releases_source:
                super().release_source(plan)
        return admitted

    def release_source(self, plan: Plan) -> None:
        """Later."""


BUG = SeededBug(
    id="M-32",
    title="copy sources held to the end of the batch",
    source="#13029 (its third commit)",
    mechanism=(
        "Sources of copies are claimed, and released when the whole batch is done. A request that needs the block "
        "in between finds no free one, although the batch was admitted."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, SourceHeldToTheEnd),
    seed=0,
    oracles=("crash", "observation", "result"),
)
