"""X-10: a page that goes down joins the head of its queue."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.eviction_queues import GROUPS, EvictionQueues


class HeadOfTheHost(EvictionQueues):
    """Queues pages in host memory as the next victims of their priority."""

    def push(self, page: int, queue: int, priority: int, droppable: bool) -> None:
        super().push(page, queue, priority, droppable)
        if queue >= GROUPS:
            self.put_first(page, self._pages + queue * self._priorities + priority)

    def put_first(self, page: int, head: int) -> None:
        """Move a page, which is the last of a list, to its beginning."""
        before, first = self._previous[page], self._next[head]
        if first != page:
            self._next[before], self._previous[head] = head, before
            self._next[head], self._previous[first] = page, page
            self._previous[page], self._next[page] = head, first


FallenFirst = plant(SequenceCaches, parts={EvictionQueues: HeadOfTheHost})


BUG = SeededBug(
    id="X-10",
    title="a page that goes down joins the head of its queue",
    source="mutant of the cascade (B-13)",
    mechanism=(
        "A page that leaves device memory joins the front of the host's queue instead of its end. The one that was used "
        "last is destroyed first, and what nobody has used for long stays."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(FallenFirst),
    seed=3,
    oracles=("observation",),
    parameters={
        **FULL_ATTENTION,
        **SHORT_BLOCKS,
        "primary_slots": 2,
        "secondary_slots": 2,
        "blocks_max": 2,
        "gate_percent": 100,
    },
    without=frozenset({"stop_committing", "prefetch", "suspend"}),
    no_variant="no invariant speaks of the order of victims: lockstep compares it",
)
