"""X-13: locking a page does not make the forward passes wait for the copy that brings it."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches

PagesNotThereYet = plant(
    SequenceCaches,
    Patch(
        "sequence_caches.page_copies",
        old="            self.await_slot(stream, Level.PRIMARY, slot)",
        new="            pass",
    ),
)
"""Lets kernels use a page as soon as the manager knows where it will be."""


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
