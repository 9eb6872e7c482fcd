"""M-02: pin without claim."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues

PinWithoutClaim = plant(
    BlockManager,
    Patch("block_manager.paths", old="            self.hold(block)", new=""),
    parts={FreeQueues: EvictionLists},
)
"""Counts a reference to a cached block where it waits, in the free queue."""


BUG = SeededBug(
    id="M-02",
    title="pin of a free block without claim",
    source="#12667 #12560 #12803",
    mechanism=(
        "A cached block without references is pinned and stays in its free queue; unpinning releases it once more. The "
        "queue then has a ghost entry, one free block too many, and hands the same block out twice."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, PinWithoutClaim),
    oracles=("step", "observation"),
)
