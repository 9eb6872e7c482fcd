"""X-12: a copy does not wait for the previous use of the slot that it writes."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches

SlotsStillInUse = plant(
    SequenceCaches,
    Patch("sequence_caches.page_copies", old="        self.await_slot(stream, target_level, target)", new=""),
    Patch("sequence_caches.page_copies", old="        self.await_slot(stream, Level.PRIMARY, target)", new=""),
)
"""Waits for the source of a copy only."""


BUG = SeededBug(
    id="X-12",
    title="a copy does not wait for the previous use of the slot that it writes",
    source="mutant of the migration (B-14)",
    mechanism=(
        "The copy that brings a page to a slot waits for what wrote the page, but not for whoever had the slot before: a "
        "kernel, or a copy, that still reads it gets the new page's bytes."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(SlotsStillInUse),
    seed=24,
    oracles=("race", "content"),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 2, "secondary_slots": 2, "caches": 2},
    without=ENDS | COMMITS,
    no_variant="implementation only: here copies take no time in the specification",
)
