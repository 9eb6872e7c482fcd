"""M-29: requests added one after the other."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import AdmittedRequest, BlockManager
from kvproof.impl.block_manager.prompts import Plan


class MatchedInTurn(BlockManager):
    """Runs a batch of one for each request."""

    def run_batch(self, plans: list[Plan]) -> list[AdmittedRequest]:
        admitted: list[AdmittedRequest] = []
        for plan in plans:
            self.match_batch([plan])
            self.choose_modes([plan])
            admitted += super().run_batch([plan])
        return admitted


BUG = SeededBug(
    id="M-29",
    title="requests added one after the other",
    source="#12682, before #12892",
    mechanism=(
        "Each request of a batch is matched when its turn comes. What the requests before it allocated may have "
        "evicted the blocks that it was estimated to reuse, and the forward pass computes more than the scheduler "
        "charged."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, MatchedInTurn),
    oracles=("result", "observation", "step", "crash"),
)
