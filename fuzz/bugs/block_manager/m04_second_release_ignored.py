"""M-04: second release ignored."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.m03_release_of_queued_block import DUPLICATE_RELEASE
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import NOT_QUEUED, FreeQueues


class IgnoringQueues(FreeQueues):
    """Has nothing against a block that is in a queue already, and leaves it there."""

    def push(self, block: int, level: int, rank: int, to_front: bool) -> None:
        """Queue a block, unless it is queued."""
        if self.handle[block] == NOT_QUEUED:
            super().push(block, level, rank, to_front)


DuplicateReleaseIgnored = plant(BlockManager, *DUPLICATE_RELEASE, parts={FreeQueues: IgnoringQueues})
"""Counts as badly as before, and hides it."""


BUG = SeededBug(
    id="M-04",
    title="second release ignored",
    source="#14937 (as proposed)",
    mechanism=(
        "As in M-03 a block is in the lists of two sequences but counted once. The second release is now ignored "
        "with a warning: no queue is damaged any more, and the missing reference, of which it was the symptom, "
        "stays."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, DuplicateReleaseIgnored),
    seed=2,
    oracles=("step", "observation"),
)
