"""M-57: copy events keyed by slot number without the level."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.transfers import TransfersTarget
from kvproof.impl.block_manager.transfers import Transfers

NO_WAIT_FOR_WRITER = (
    Patch(
        "block_manager.transfers",
        old="""
        write = self._writes.pop(slot, None)
        if write is not None:
            self.wait_for_batch(stream, write)
""",
        new="",
    ),
    Patch(
        "block_manager.transfers",
        old="        self._writes[slot] = batch",
        new="""
        self._writes[slot] = batch
        self.submit(batch.stream)
""",
    ),
)
"""The discipline as it was then: a copy does not wait for the pending write of its target.

That is enough while keys tell the levels apart: each level is written by one stream, which is in order with itself, and
copies were not gathered into batches, whose copies are unordered. `tests/fuzz` shows that this alone is sound.
"""

WithoutWaitForWriter = plant(Transfers, *NO_WAIT_FOR_WRITER)

LevelBlindKeys = plant(
    Transfers,
    *NO_WAIT_FOR_WRITER,
    Patch(
        "block_manager.transfers",
        old="        self.await_source(stream, source)",
        new="""
        source, target = (slot if slot < primary else slot - primary for slot in (source, target))
        self.await_source(stream, source)
""",
    ),
)
"""Takes PRIMARY slot n and SECONDARY slot n for one place."""


BUG = SeededBug(
    id="M-57",
    title="copy events keyed without the level",
    source="#15272",
    mechanism=(
        "Pending reads and writes are kept by slot number alone, so device slot 0 and host slot 0 share an entry. Events "
        "are overwritten or erased by copies of the other level, and a copy that conflicts with them does not wait."
    ),
    machine="transfers",
    make_target=lambda: TransfersTarget(LevelBlindKeys),
    oracles=("step", "race"),
    # The machine gathers the copies of one operation into batches; these had none. Shared entries also make copies wait for
    # too much, which shows in what cannot complete yet; here it is the missing wait that has to be found: copies alone.
    parameters={"works": 10, "moves_max": 1},
    without=frozenset({"begin_iteration", "end_iteration", "forward", "complete", "read"}),
)
