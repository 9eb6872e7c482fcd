"""V2-25: the utilisation gate counts what a cache is about to use (a mutant of the gate after #16484)."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import Patch, plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, FULL_ATTENTION, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches

GateLooksAhead = plant(
    SequenceCaches,
    Patch(
        "sequence_caches.life_cycle",
        old="        if not self._room.passes_gate():",
        new="""
        wanted = {woken.cells[place] for place in self.places_to_lock(woken)}
        coming = [self._pages.group[page] for page in wanted if not self._pages.locks[page]]
        if not self._room.passes_gate() or any(
            (self._room.unavailable(group) + coming.count(group)) * 100
            > self._config.gate_percent * self._config.slots_of(group)[0]
            for group in self._config.groups
        ):
""",
    ),
)
"""Asks whether device memory will be used little enough once the cache is active."""


BUG = SeededBug(
    id="V2-25",
    title="the utilisation gate counts what a cache is about to use",
    source="#16484 (mutant of the gate as it is since then, not the historic bug)",
    mechanism=(
        "Historic: the gate looks at the utilisation as it is. While the floors of a batch were not scaled by its limit, "
        "it refused the last resume of a batch that was promised to fit. Planted: the gate counts what the cache is about "
        "to lock, too. Either way a batch that needs all the slots it was promised never gets its last request resumed."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(GateLooksAhead),
    seed=13,
    oracles=("result",),
    parameters={**FULL_ATTENTION, **SHORT_BLOCKS, "primary_slots": 2},
    without=ENDS | COMMITS,
)
