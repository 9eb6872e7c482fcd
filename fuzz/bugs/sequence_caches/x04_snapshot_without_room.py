"""X-04: a snapshot is taken without room for it."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import ENDS, NO_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import STATE_GROUP, SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class SnapshotsWithoutRoom(Room):
    """Takes a page for a recurrent state whether there is one or not."""

    def has_room(
        self, group: int, need: int, vacated: int = 0, droppable: int = 0, held: int = 0, missing: int = 0
    ) -> bool:
        return group == STATE_GROUP or super().has_room(group, need, vacated, droppable, held, missing)


SnapshotsAnyway = plant(SequenceCaches, parts={Room: SnapshotsWithoutRoom})


BUG = SeededBug(
    id="X-04",
    title="a snapshot is taken without room for it",
    source="mutant of the best-effort snapshot (B-16)",
    mechanism=(
        "A snapshot of the recurrent state is best effort, but nothing looks whether a slot can be had. Then no page can "
        "make room, and the commit that wanted it dies."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(SnapshotsAnyway),
    seed=0,
    oracles=("crash", "result", "step"),
    parameters={
        **NO_WINDOW,
        **SHORT_BLOCKS,
        "tertiary_slots": 0,
        "state_primary": 1,
        "state_secondary": 0,
        "caches": 1,
    },
    without=ENDS | {"suspend"},
)
