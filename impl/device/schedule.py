"""In which order the simulated device completes what its streams hold.

A schedule only ever picks among heads of streams that may run, so it cannot break stream order or a wait: what it can
do is to choose the order that a program with a missing wait did not expect.
"""

from __future__ import annotations

from random import Random
from typing import Literal, get_args

ScheduleName = Literal["eager", "lazy", "reversed", "random"]
SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)


class Schedule:
    """A way to pick, reproducible from its name and seed.

    - eager: everything at once, in order of submission: what a serial device would do, and what hides a missing wait.
    - lazy: nothing until the host waits, then in order of submission.
    - reversed: nothing until the host waits, then always the newest work that may run.
    - random: after each submission a few random picks; random picks when the host waits.
    """

    def __init__(self, name: ScheduleName, seed: int = 0) -> None:
        if name not in SCHEDULES:
            raise ValueError(f"schedule {name!r}: there are {', '.join(SCHEDULES)}")
        self.name = name
        self.seed = seed
        self._random = Random(seed)

    def picks_after_submission(self) -> int:
        """How many pieces of work to complete now that one more was submitted; -1 for all that may run."""
        if self.name == "eager":
            return -1
        return self._random.choice((0, 0, 1, 2)) if self.name == "random" else 0

    def pick(self, heads: list[tuple[int, int]]) -> int:
        """Which stream goes on. `heads` has (submission number, stream) for each stream whose head is work."""
        if self.name == "random":
            return self._random.choice(heads)[1]
        return (max(heads) if self.name == "reversed" else min(heads))[1]

    def batch_order(self, size: int) -> list[int] | range:
        """In which order the copies of one batch, unordered among themselves, are carried out."""
        if self.name == "random":
            return self._random.sample(range(size), size)
        return range(size - 1, -1, -1) if self.name == "reversed" else range(size)
