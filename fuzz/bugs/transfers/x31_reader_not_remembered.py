"""X-31: a copy's event is not kept for the next owner of its source."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.transfers import TransfersTarget
from kvproof.impl.block_manager.transfers import Batch, Transfers


class SourceForgotten(Transfers):
    """Enters no reads."""

    def remember_read(self, batch: Batch, slot: int) -> None:
        del batch, slot


BUG = SeededBug(
    id="X-31",
    title="a copy is not remembered as a reader of its source",
    source="mutant of the discipline (B-14: the next owner of a slot has to wait)",
    mechanism=(
        "A block is offloaded and its device slot given away at once. Whoever writes that slot next does not wait for the "
        "copy that still reads it, and the host copy gets the new owner's bytes."
    ),
    machine="transfers",
    make_target=lambda: TransfersTarget(SourceForgotten),
    oracles=("step", "race"),
)
