"""X-02: held pages are queued on the last level."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class HeldAtTheLastLevel(Room):
    """Queues whatever nobody has locked."""

    def evictable(self, page: int) -> bool:
        return super().evictable(page) or bool(self._pages.holds[page] and not self._pages.locks[page])


QueuesHeld = plant(SequenceCaches, parts={Room: HeldAtTheLastLevel})


BUG = SeededBug(
    id="X-02",
    title="held pages are queued on the last level",
    source="mutant of the cascade (B-11)",
    mechanism=(
        "A page that a suspended cache holds goes to the last level and is queued there as a victim. From there victims "
        "are only destroyed, so the cache loses what it has computed."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(QueuesHeld),
    seed=2,
    oracles=("step",),
)
