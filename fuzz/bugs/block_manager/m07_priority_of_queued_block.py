"""M-07: priority of a queued block changed."""

from __future__ import annotations

from kvproof.fuzz.bugs.block_manager.eviction_lists import EvictionLists
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl.block_manager import BlockManager


class PriorityInQueue(BlockManager):
    """Sets priorities as a plain assignment."""

    queues_type = EvictionLists

    def step_prioritise(self, block: int, priority: int | None, duration: int) -> None:
        if priority is not None:
            self._priority[block] = priority
        self._duration[block] = duration

    def demote(self, block: int) -> None:
        self.step_prioritise(block, 0, 0)


BUG = SeededBug(
    id="M-07",
    title="priority of a queued block changed",
    source="#12834",
    mechanism=(
        "Giving up a subtree sets the priority of blocks where they wait, in the queue of their old priority. They "
        "are not the next victims then, and whoever claims one looks for it in a queue that it is not in."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, PriorityInQueue),
    oracles=("step", "observation"),
)
