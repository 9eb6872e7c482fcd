"""X-11: the slot that a page leaves is not remembered as being read."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches

SlotsTooSoon = plant(
    SequenceCaches,
    Patch(
        "sequence_caches.page_copies",
        old="        self._marks[source_level][source] = (batch,)",
        new="        self._marks[source_level][source] = ()",
    ),
)
"""Leaves nothing at the slot that a copy reads."""


BUG = SeededBug(
    id="X-11",
    title="the slot that a page leaves is not remembered as being read",
    source="mutant of the migration (B-14: the next owner of a slot has to wait)",
    mechanism=(
        "A page goes to host memory and its device slot to another cache at once. That one's kernels do not wait for the "
        "copy that still reads the slot, and host memory gets their bytes."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(SlotsTooSoon),
    seed=14,
    oracles=("race", "content"),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 2, "secondary_slots": 2, "caches": 2},
    without=ENDS | COMMITS,
    no_variant="implementation only: here copies take no time in the specification",
)
