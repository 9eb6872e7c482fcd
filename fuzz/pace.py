"""How pending work of a target with a schedule goes on beside the operations: one mode a case, one seed an operation.

A bug that needs work to be late shows under `lazy`, one that needs it to be early under `eager`, one that needs a certain
order under `drawn`, now and then, and under `adversarial` if the order is one that puts conflicting work the wrong way
round. So each case has a mode of its own. The numbers are drawn apart from those that decide operations: a case does the
same operations at any pace.
"""

from __future__ import annotations

from typing import NamedTuple

from kvproof.fuzz.chooser import Chooser, RandomChooser, choice
from kvproof.fuzz.target import HarnessError

MODES = {
    "eager": "everything completes at the end of each operation, the oldest first",
    "lazy": "nothing completes until something waits for it",
    "adversarial": "what overtakes conflicting earlier work completes first",
    "drawn": "some work completes after each operation, in an order drawn from the seed",
}
"""What a target is to do in each mode."""

MIX = ("drawn", "drawn", "drawn", "drawn", "adversarial", "adversarial", "lazy", "eager")
"""Modes from which one is drawn for each case, unless one is given."""

SEEDS = 2**32
"""Numbers that decide what completes during one operation."""

PACE_SALT = 12_834_057
"""Keeps the numbers of a case's schedule apart from those of its operations, which have the same seed."""


class Pace(NamedTuple):
    """How pending work goes on until the next operation."""

    mode: str
    seed: int = 0


EAGER = Pace("eager")
"""Of operations for which nothing is said: those of traces without a schedule."""


def check_mode(mode: str) -> None:
    """Accept the name of a mode.

    Raises:
        HarnessError: there is no such mode.
    """
    if mode not in MODES:
        raise HarnessError(f"schedule {mode!r}: there is no such mode; there are {', '.join(MODES)}")


def draw_mode(chooser: Chooser, mode: str | None = None) -> str:
    """The mode of a case: the one given, or one of the mix."""
    return choice(chooser, MIX) if mode is None else mode


class PaceSource:
    """The paces of one case, from its seed."""

    def __init__(self, seed: int, mode: str | None = None) -> None:
        self._chooser = RandomChooser(seed ^ PACE_SALT)
        self.mode = draw_mode(self._chooser, mode)

    def next(self) -> Pace:
        """For the next operation."""
        return Pace(self.mode, self._chooser.integer(0, SEEDS - 1))
