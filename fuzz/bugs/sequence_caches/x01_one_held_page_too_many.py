"""X-01: one held page more than host memory has room for is let through."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class Deciding(Room):
    """Knows when it decides whether there is room, and when it only makes room."""

    deciding = False

    def has_room(
        self, group: int, need: int, vacated: int = 0, droppable: int = 0, held: int = 0, missing: int = 0
    ) -> bool:
        self.deciding = True
        try:
            return super().has_room(group, need, vacated, droppable, held, missing)
        finally:
            self.deciding = False


class OneTooMany(Deciding):
    """Compares with < where the refusal needs <=."""

    def absorb(self, level: int, group: int) -> int:
        return super().absorb(level, group) + (self.deciding and level <= self._pages.last_level[group])


OneHeldTooMany = plant(SequenceCaches, parts={Room: OneTooMany})


BUG = SeededBug(
    id="X-01",
    title="one held page more than host memory has room for is let through",
    source="mutant of the cascade (B-13)",
    mechanism=(
        "Held pages that fall to the last level must be accepted there; the refusal compares with < instead of <=. So one "
        "too many is let through, and half way no victim is left that may be destroyed."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(OneHeldTooMany),
    seed=20,
    oracles=("result", "crash", "step"),
    parameters={
        **FULL_ATTENTION,
        **SHORT_BLOCKS,
        "primary_slots": 2,
        "secondary_slots": 1,
        "blocks_max": 2,
        "caches": 2,
    },
    without=ENDS | COMMITS,
)
