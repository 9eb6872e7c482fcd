"""X-05: growing forgets that the window takes pages of the same slots."""

from __future__ import annotations

from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.fuzz.bugs.sequence_caches.sizes import COMMITS, ENDS, NO_STATE, SHARED_WINDOW, SHORT_BLOCKS
from kvproof.fuzz.targets.sequence_caches import SequenceCachesTarget
from kvproof.impl.sequence_caches import SequenceCaches
from kvproof.impl.sequence_caches.growth import Growth, ResizePlan
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


class WindowUncounted(Growth):
    """Looks whether full attention has room, and no further."""

    def check_resize(self, cache: SequenceCache, plan: ResizePlan) -> None:
        windows, plan.new_windows = plan.new_windows, []
        super().check_resize(cache, plan)
        plan.new_windows = windows


ForgetsTheWindow = plant(SequenceCaches, parts={Growth: WindowUncounted})


BUG = SeededBug(
    id="X-05",
    title="growing forgets that the window takes pages of the same slots",
    source="mutant of the room for growth (B-16)",
    mechanism=(
        "Whether a cache can grow is decided by the pages that full attention takes. The window takes one a block of the "
        "same slots, and runs out of them half way."
    ),
    machine="sequence-caches",
    make_target=lambda: SequenceCachesTarget(ForgetsTheWindow),
    seed=17,
    oracles=("crash", "result", "step"),
    parameters={**NO_STATE, **SHARED_WINDOW, **SHORT_BLOCKS, "window_tokens": 2, "primary_slots": 3},
    without=ENDS | COMMITS,
)
