"""M-31: copy source left in its queue."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager

SourceUnclaimed = plant(
    BlockManager,
    Patch(
        "block_manager.batch",
        old="        if blocks.handle[plan.tail] != NOT_QUEUED:",
        new="        if plan.in_place and blocks.handle[plan.tail] != NOT_QUEUED:",
    ),
    Patch(
        "block_manager.batch",
        old="""
        if plan.releases_source:
            blocks.step_release(plan.tail, False)
""",
        new="",
    ),
)
"""Claims what a request takes, and not what it reads."""


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
