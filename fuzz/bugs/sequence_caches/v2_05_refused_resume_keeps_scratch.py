"""V2-05: a refused resume keeps its scratch slots."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, NO_STATE, SHARED_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import Refused, SequenceCaches
from kvproof.impl.sequence_caches.life_cycle import LifeCycle
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class ScratchKept(LifeCycle):
    """Reserves scratch slots first, and leaves them with the cache when its pages cannot be locked."""

    def check_resume(self, cache: SequenceCache, places: list[int], scratch: int, fresh: bool) -> int:
        try:
            return super().check_resume(cache, places, scratch, fresh)
        except Refused:
            vacant = len(self._pages.vacant[0][self._window_group])
            if scratch and vacant:
                self._steps.step_take_scratch(cache, min(scratch, vacant))
            raise


KeepsScratch = plant(SequenceCaches, parts={LifeCycle: ScratchKept})


BUG = SeededBug(
    id="V2-05",
    title="a refused resume keeps its scratch slots",
    source="the resume of Python 00f6bd61, kept on purpose in C++",
    mechanism=(
        "Scratch slots for a prefill are reserved before the pages are locked. When locking fails, the deferred slots are "
        "given back, but these are not: a suspended cache keeps device memory that nothing can make give way."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(KeepsScratch),
    seed=12,
    oracles=("observation",),
    parameters={
        **NO_STATE,
        **SHARED_WINDOW,
        **SHORT_BLOCKS,
        "tertiary_slots": 0,
        "primary_slots": 2,
        "secondary_slots": 1,
        "window_primary": 2,
        "scratch_share": 2,
        "blocks_max": 2,
        "caches": 2,
        "gate_percent": 100,
    },
    without=ENDS | COMMITS,
)
