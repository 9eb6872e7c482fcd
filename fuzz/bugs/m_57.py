"""M-57: copy events keyed by slot number without the level."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, simulated_device
from kvproof.impl import BlockManager
from kvproof.impl.transfers import Batch, Transfers


class LevelBlindKeys(Transfers):
    """Takes PRIMARY slot n and SECONDARY slot n for one place, and keeps one event per place, as the maps did then.

    One event is enough as long as the level is in the key: a device slot is read only by offloads and a host slot
    only by onboardings, each on a stream of their own.
    """

    def key(self, slot: int) -> int:
        return slot if slot < self._primary_slots else slot - self._primary_slots

    def remember(self, batch: Batch, source: int, target: int) -> None:
        self._reads.pop(self.key(source), None)
        super().remember(batch, source, target)


class LevelBlind(BlockManager):
    """Has such transfers."""

    transfers_type = LevelBlindKeys


BUG = SeededBug(
    id="M-57",
    title="copy events keyed without the level",
    source="#15272",
    mechanism=(
        "Pending reads and writes are kept by slot number alone, so device slot 0 and host slot 0 share an entry. Events "
        "are overwritten or erased by copies of the other level, and a copy that conflicts with them does not wait."
    ),
    make_target=lambda: BlockManagerTarget(simulated_device, LevelBlind),
    oracles=("race", "content"),
)
