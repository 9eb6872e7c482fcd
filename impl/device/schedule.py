"""In which order the simulated device completes what its streams hold.

A schedule only ever picks among heads of streams that may run, so it cannot break stream order or a wait: what it can
do is to choose the order that a program with a missing wait did not expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Literal, get_args

ScheduleName = Literal["eager", "lazy", "reversed", "random", "adversarial"]
SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)


class Schedule:
    """A way to pick, reproducible from its name and seed.

    - eager: everything at once, in order of submission: what a serial device would do, and what hides a missing wait.
    - lazy: nothing until the host waits, then in order of submission.
    - reversed: nothing until the host waits, then always the newest work that may run.
    - random: after each submission a few random picks; random picks when the host waits.
    - adversarial: after each submission, and when the host waits, whatever can overtake conflicting earlier work does
      (see `adversary`); the rest only when too much is pending, the newest first.

    A pick completes the whole head of a stream, batches included; of torn copies, random picks complete one granule.
    """

    def __init__(self, name: ScheduleName, seed: int = 0, torn: bool = False) -> None:
        if name not in SCHEDULES:
            raise ValueError(f"schedule {name!r}: there are {', '.join(SCHEDULES)}")
        self.name = name
        self.seed = seed
        self._torn = torn
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
        return (max(heads) if self.name in ("reversed", "adversarial") else min(heads))[1]

    def part_order(self, size: int) -> Sequence[int] | None:
        """In which order `size` parts, unordered among themselves, are carried out now; perhaps only the first of them.

        None: all of them, as they come.
        """
        if size == 1 or self.name in ("eager", "lazy"):
            return None
        if self.name == "random":
            return self._random.sample(range(size), 1 if self._torn else size)
        return range(size - 1, -1, -1)
