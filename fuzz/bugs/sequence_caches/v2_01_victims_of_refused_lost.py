"""V2-01: victims of a refused operation are lost from the eviction queue."""

from __future__ import annotations

from itertools import islice

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class VictimsLost(Room):
    """Takes victims from the queue of device memory before it asks host memory for room, and puts none back."""

    def has_room(
        self, group: int, need: int, vacated: int = 0, droppable: int = 0, held: int = 0, missing: int = 0
    ) -> bool:
        fits = super().has_room(group, need, vacated, droppable, held, missing)
        if not fits:
            for page in list(islice(self._queues.victims(group), need + missing)):  # of PRIMARY, level 0
                self._steps.step_unqueue(page)
        return fits


LosesVictims = plant(SequenceCaches, parts={Room: VictimsLost})


BUG = SeededBug(
    id="V2-01",
    title="victims of a refused operation are lost from the eviction queue",
    source="_batched_migrate and the cascade of Python 00f6bd61 and C++ 04b00fec",
    mechanism=(
        "Victims are popped from the queue of device memory, then host memory refuses them, and nobody queues them again. "
        "They cannot be evicted any more, count as in use, and in the end no cache is resumed."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(LosesVictims),
    seed=15,
    oracles=("observation",),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 2, "secondary_slots": 1},
    without=ENDS | COMMITS,
)
