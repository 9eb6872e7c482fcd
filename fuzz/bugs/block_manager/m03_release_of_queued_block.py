"""M-03: duplicate release."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.free_queues import FreeQueues


class DuplicateRelease(BlockManager):
    """Lists a block once more than it counts references to it, and tolerates that when they are taken back."""

    queues_type: type[FreeQueues] = EvictionLists

    def step_acquire(self, sequence: int, block: int) -> None:
        super().step_acquire(sequence, block)
        if self._refs[block] > 1 + self._pins[block]:
            self._refs[block] -= 1

    def step_drop(self, sequence: int, block: int) -> None:
        if self._refs[block] == self._pins[block]:
            self._refs[block] += 1  # the original stops at zero; this makes the subtraction that follows do nothing
        super().step_drop(sequence, block)


BUG = SeededBug(
    id="M-03",
    title="release of a queued block",
    source="#14937",
    mechanism=(
        "A block is in the lists of two sequences but counted once, so each sequence's end releases it. The second release "
        "is accepted: the older list node becomes an orphan, and a later claim leaves the block both in use and queued."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, DuplicateRelease),
    seed=2,
    oracles=("step", "observation"),
)
