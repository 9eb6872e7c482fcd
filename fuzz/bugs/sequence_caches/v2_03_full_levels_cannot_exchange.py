"""V2-03: all pages of a cache need a slot at once to come up."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.room import Room


class AllAtOnce(Room):
    """Does not count the host slots that pages leave behind when they come up."""

    def has_room(
        self, group: int, need: int, vacated: int = 0, droppable: int = 0, held: int = 0, missing: int = 0
    ) -> bool:
        return super().has_room(group, need + missing, vacated, droppable, held)


NoExchange = plant(SequenceCaches, parts={Room: AllAtOnce})


BUG = SeededBug(
    id="V2-03",
    title="a full device and a full host cannot exchange pages",
    source="the comment in test_resize_quota",
    mechanism=(
        "A resume takes device slots for all its pages before the first of them moves. When both levels are full of held "
        "pages there are none, although pages could change places one by one: such a cache waits for ever."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(NoExchange),
    seed=4,
    oracles=("result",),
    parameters={
        **FULL_ATTENTION,
        **SHORT_BLOCKS,
        "primary_slots": 2,
        "secondary_slots": 2,
        "blocks_max": 2,
        "caches": 2,
        "gate_percent": 100,
    },
    without=ENDS | COMMITS,
)
