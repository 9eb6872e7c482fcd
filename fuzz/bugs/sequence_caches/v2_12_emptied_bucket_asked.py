"""V2-12: an emptied priority bucket is asked for a victim."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.eviction_queues import NOT_QUEUED, EvictionQueues


class BucketKept(EvictionQueues):
    """Forgets an empty priority when a page is removed, but not when it is popped."""

    popped = NOT_QUEUED

    def front(self, queue: int) -> int:
        self.popped = super().front(queue)
        return self.popped

    def remove(self, page: int, droppable: bool) -> None:
        bucket, popped, self.popped = self.handle[page], self.popped, NOT_QUEUED
        super().remove(page, droppable)
        if page == popped:
            queue, priority = divmod(bucket, self._priorities)
            self._occupied[queue] |= 1 << priority


BucketsKept = plant(SequenceCaches, parts={EvictionQueues: BucketKept})


BUG = SeededBug(
    id="V2-12",
    title="an emptied priority bucket is asked for a victim",
    source="the eviction queue of Python 00f6bd61 and b2dd2882",
    mechanism=(
        "Popping a victim empties the list of its priority and leaves the list there. The next victim is asked of that "
        "list, though pages of higher priorities wait: an assertion fails while the length says that there are some."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(BucketsKept),
    seed=1,
    oracles=("crash",),
    parameters={
        **FULL_ATTENTION,
        **SHORT_BLOCKS,
        "primary_slots": 2,
        "secondary_slots": 2,
        "priorities": 2,
        "caches": 2,
    },
    without=ENDS | COMMITS,
    no_variant="implementation only: how a queue is made is below the specification",
)
