"""X-16: tokens that were computed into scratch are taken for those of the window."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, NO_STATE, SHARED_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches

ScratchTakenForWindow = plant(
    SequenceCaches,
    Patch(
        "sequence_caches.growth",
        old="            if ordinal < computed and not before[0] <= ordinal < before[1]:",
        new="            if False:",
    ),
)
"""Lets a history end where its window is still in scratch slots."""


BUG = SeededBug(
    id="X-16",
    title="tokens that were computed into scratch are taken for those of the window",
    source="mutant of the scratch slots (B-10; what #14849 reverted #13805 for is of this kind)",
    mechanism=(
        "A prefill computes the blocks that will be stale at its end into scratch slots. If its history ends before that, "
        "some of them are still seen, but no page has them: a new one is taken, with nobody's bytes."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(ScratchTakenForWindow),
    seed=22,
    oracles=("step", "result"),
    parameters={
        **NO_STATE,
        **SHARED_WINDOW,
        **SHORT_BLOCKS,
        "tertiary_slots": 0,
        "primary_slots": 4,
        "window_tokens": 2,
        "window_primary": 3,
        "scratch_share": 2,
        "blocks_max": 4,
        "caches": 1,
    },
    without=ENDS | COMMITS | {"suspend"},
    no_variant="the specification refuses it in one place, which step validation and the result hold the target to",
)
