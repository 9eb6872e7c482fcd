"""M-29: requests added one after the other."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

MatchedInTurn = plant(
    BlockManager,
    Patch(
        "block_manager.manager",
        old="        return self._batch.run(self._admission.decide(requests, token_budget))",
        new="""
        admission, batch, before = self._admission, self._batch, self._batch.running_totals()
        admitted = []
        for plan in admission.decide(requests, token_budget):
            admission.match_batch([plan])
            admission.choose_modes([plan])
            admitted += batch.run_batch([plan])
        self._transfers.flush()
        return BatchAdmission(tuple(admitted), batch.totals_since(before))
""",
    ),
)
"""Runs a batch of one for each request."""


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
