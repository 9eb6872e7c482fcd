"""X-32: a copy's event is not kept for the readers of its target."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.transfers import TransfersTarget
from kvproof.impl.block_manager.transfers import Batch, Transfers


class DestinationForgotten(Transfers):
    """Enters no writes."""

    def remember_write(self, batch: Batch, slot: int) -> None:
        del batch, slot


BUG = SeededBug(
    id="X-32",
    title="a copy is not remembered as the writer of its target",
    source="mutant of the discipline (B-14: the destination's event is for readers)",
    mechanism=(
        "A block is copied and then copied on from where it went, in the same iteration. The second copy does not wait for "
        "the first and takes bytes that are not there yet."
    ),
    machine="transfers",
    make_target=lambda: TransfersTarget(DestinationForgotten),
    oracles=("step", "race"),
)
