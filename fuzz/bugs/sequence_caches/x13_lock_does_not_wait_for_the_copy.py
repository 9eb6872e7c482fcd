"""X-13: locking a page does not make the forward passes wait for the copy that brings it."""

from __future__ import annotations

from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.device import Stream
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.page_copies import PageCopies


class LockWithoutWait(PageCopies):
    """Lets kernels use a page as soon as the manager knows where it will be."""

    def await_page(self, stream: Stream, slot: int) -> None:
        del stream, slot


class PagesNotThereYet(SequenceCaches):
    """Has such copies."""

    copies_type = LockWithoutWait


BUG = SeededBug(
    id="X-13",
    title="locking a page does not make the forward passes wait for the copy that brings it",
    source="mutant of the lock (B-14)",
    mechanism=(
        "A resume brings pages up and returns while the copies are under way. The forward stream is not told to wait, and "
        "attention reads what was in those slots before."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(PagesNotThereYet),
    seed=10,
    oracles=("race", "content"),
    no_variant="implementation only: here copies take no time in the specification",
)
