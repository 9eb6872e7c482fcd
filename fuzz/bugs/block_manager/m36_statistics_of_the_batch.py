"""M-36: statistics from baselines of the batch."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

OneBaseline = plant(
    BlockManager,
    Patch(
        "block_manager.batch",
        old="        return [self.admit(plan) for plan in plans]",
        new="""
        self._baseline = self.running_totals()
        return [self.admit(plan) for plan in plans]
""",
    ),
    Patch(
        "block_manager.batch",
        old="""
        before = self.running_totals()
        self.onboard_and_allocate(plan)
        return self.totals_since(before)
""",
        new="""
        self.onboard_and_allocate(plan)
        return self.totals_since(self._baseline)
""",
    ),
)
"""Reads the counters before the first request only."""


BUG = SeededBug(
    id="M-36",
    title="statistics from baselines of the batch",
    source="#12892 (review)",
    mechanism=(
        "The counters are read once before a batch, and what each request did is told as the difference to that. "
        "All that the requests before it did is counted again, so the requests add up to more than the totals."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, OneBaseline),
    oracles=("result",),
    no_variant="implementation only: the specification has no running totals, it adds up what the requests got",
)
