"""X-07: the last slot of host memory is never counted on."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.bugs.sequence_caches.x01_one_held_page_too_many import Deciding
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class OneTooFew(Deciding):
    """Compares with < where <= is enough."""

    def absorb(self, level: int, group: int) -> int:
        room = super().absorb(level, group)
        return max(0, room - 1) if self.deciding and level <= self._pages.last_level[group] else room


WastesASlot = plant(SequenceCaches, parts={Room: OneTooFew})


BUG = SeededBug(
    id="X-07",
    title="the last slot of host memory is never counted on",
    source="mutant of the cascade (B-13)",
    mechanism=(
        "The refusal looks whether the held pages that have to go down are fewer than the slots of the host, where as many "
        "are enough. So growth and resumes are refused in vain: nothing breaks, and one slot of host memory is wasted."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(WastesASlot),
    oracles=("result", "observation"),
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
