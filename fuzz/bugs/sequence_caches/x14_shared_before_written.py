"""X-14: a committed page is shared before it is known that it is written."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.page_copies import PageCopies


class CommitWithoutMark(PageCopies):
    """Notes nothing when a page is committed: only when its lock is given up."""

    def publish(self, slot: int, stream: Stream) -> None:
        del slot, stream


SharedTooSoon = plant(SequenceCaches, parts={PageCopies: CommitWithoutMark})


BUG = SeededBug(
    id="X-14",
    title="a committed page is shared before it is known that it is written",
    source="mutant of the commit (B-14)",
    mechanism=(
        "A cache commits a block whose forward pass is still under way, and another cache, on another stream, matches and "
        "locks it at once. Nothing orders its reads after that pass."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(SharedTooSoon),
    seed=0,
    oracles=("race", "content"),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 4, "caches": 2, "gate_percent": 100},
    without=ENDS | {"suspend"},
    no_variant="implementation only: here kernels take no time in the specification",
)
