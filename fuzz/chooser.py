"""A source of decisions: what Hypothesis and a plain seeded generator have in common."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Chooser(Protocol):
    """A source of decisions."""

    def integer(self, low: int, high: int) -> int:
        """Any integer of `low..high`."""


class RandomChooser:
    """Decisions from a seed, at a microsecond each."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def integer(self, low: int, high: int) -> int:
        return low + int(self._random.random() * (high - low + 1))


def choice(chooser: Chooser, items: Sequence[T]) -> T:
    """One of `items`."""
    return items[chooser.integer(0, len(items) - 1)]
