"""V2-23: a history beyond the capacity."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, STAYING, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor
from kvproof.impl.executor.updates import Updates


class ReclaimsPadding(Updates):
    """Takes the padding back, too."""

    def reclaimed(self, accepted: int) -> int:
        return super().reclaimed(accepted) + 1


PaddingReclaimed = plant(Executor, parts={Updates: ReclaimsPadding})


BUG = SeededBug(
    id="V2-23",
    title="a history beyond the capacity",
    source="#18661 #19120",
    mechanism=(
        "What is taken back after a pass is counted from the padded length of the draft, so one token more goes "
        "than was given for it. Where all of the draft was right, the history exceeds the capacity."
    ),
    machine="executor",
    make_target=with_executor(PaddingReclaimed),
    oracles=("crash", "observation", "step"),
    parameters={**PLAIN, "draft_tokens": 1, "primary_slots": 6, "requests": 1, "rows": 1},
    without=STAYING,
)
