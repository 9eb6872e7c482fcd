"""M-58: one pending read a slot, where two streams may read it."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.transfers import TransfersTarget
from kvproof.impl.block_manager.transfers import Batch, Transfers


class OneReader(Transfers):
    """Keeps the last read of a slot, whichever stream it is on."""

    def remember_read(self, batch: Batch, slot: int) -> None:
        self._reads[slot] = {batch.stream: batch}


BUG = SeededBug(
    id="M-58",
    title="only the last reader of a slot is remembered",
    source="mutant of the tables (B-7), which name all readers of a slot",
    mechanism=(
        "A block is being offloaded while a copy of it within device memory is under way, too. The second read takes the "
        "place of the first in the table, and whoever writes the slot next does not wait for the first."
    ),
    machine="transfers",
    make_target=lambda: TransfersTarget(OneReader),
    oracles=("step", "race"),
    # Three copies of one iteration show it: nothing else is driven.
    parameters={"works": 10},
    without=frozenset({"begin_iteration", "end_iteration", "forward", "complete", "read"}),
)
