"""A small machine for the tests of mutants: one place for each kind of mistake, and an invariant that helpers share."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import (
    AtMost,
    Between,
    Index,
    Machine,
    Map,
    Parameters,
    PriorityQueue,
    Record,
    ensure,
    invariant,
    operation,
    reject,
    require,
    sometimes,
    step,
)


@attrs.frozen
class Sizes(Parameters):
    jars: int = 3


class Jar(Index):
    @classmethod
    def count(cls, parameters: Sizes) -> int:
        return parameters.jars


class Shelf(IntEnum):
    UPPER = 0
    LOWER = 1


Spoons = Annotated[int, Between(0, 3)]
Jars = Annotated[tuple[Jar, ...], AtMost(2)]
UPPER = Shelf.UPPER


@attrs.frozen
class Label(Record):
    """What is written on a jar."""

    spoons: Spoons
    sealed: bool


class Larder(Machine[Sizes]):
    """Jars of jam on two shelves, each with at most three spoons."""

    spoons: Map[Jar, Spoons]
    """What is in each jar."""
    sealed: Map[Jar, bool]
    """Which jars nobody may open."""
    row: Map[Shelf, PriorityQueue[Jar, Spoons]]
    """The jars that are set out, the next to be eaten in front."""

    @step
    def fill(self, jar: Jar, spoons: Spoons, sealed: bool) -> None:
        """Put jam into a jar."""
        require(self.is_empty(jar), "fill-empty-jars")
        self.spoons[jar] = spoons
        self.sealed[jar] = sealed

    @step
    def eat(self, jar: Jar) -> None:
        """Take a spoon."""
        require(not self.is_empty(jar), "eat-what-is-there")
        self.spoons[jar] -= 1

    @step
    def open(self, jar: Jar) -> None:
        """Break the seal."""
        self.sealed[jar] = False

    @step
    def set_out(self, jar: Jar, rank: Spoons) -> None:
        """Put a jar on the upper shelf."""
        require(not self.is_set_out(jar), "set-out-once")
        self.row[UPPER].push_back(jar, rank)

    def is_empty(self, jar: Jar) -> bool:
        """Whether nothing is in a jar."""
        return self.spoons[jar] < 1

    def is_set_out(self, jar: Jar) -> bool:
        """Whether a jar is on a shelf."""
        return any(jar in self.row[shelf] for shelf in Shelf)

    def label(self, spoons: int) -> Label:
        """What is written on a jar with so many spoons."""
        return Label(min(spoons, 3), True)

    def is_edible(self, jar: Jar) -> bool:
        """Whether a jar may be eaten from."""
        return not self.sealed[jar] and not self.is_empty(jar)

    @operation
    def cook(self, jar: Jar, spoons: Spoons) -> Spoons:
        """Fill a jar and seal it. Returns what is in it."""
        if not self.is_empty(jar):
            reject("not-empty")
        if spoons == 0:
            reject("nothing")
        written = self.label(spoons)
        self.fill(jar, written.spoons, written.sealed)
        sometimes("jam is cooked")
        ensure(self.spoons[jar] == spoons, "all-jam-is-kept")
        return written.spoons

    @operation
    def taste(self, jars: Jars) -> int:
        """Eat a spoon from each of several jars. Returns from how many that was."""
        count = 0
        for jar in jars:
            if self.is_edible(jar):
                self.eat(jar)
                count += 1
        return count

    @operation
    def pour(self, source: Jar, target: Jar) -> None:
        """Open a jar, and then another."""
        if source == target or not self.sealed[source]:
            reject("no-use")
        self.open(source)
        self.open(target)

    @operation
    def serve(self, jar: Jar) -> None:
        """Set a jar out."""
        if self.is_empty(jar) or self.is_set_out(jar):
            reject("not-to-be-served")
        self.set_out(jar, self.spoons[jar])

    @invariant
    def empty_jars_are_open(self) -> bool:
        """Nobody seals an empty jar, and nobody eats from a sealed one."""
        return all(not self.sealed[jar] or not self.is_empty(jar) for jar in self.every(Jar))

    @invariant
    def only_the_upper_shelf_is_used(self) -> bool:
        """Jars are set out there."""
        return all(jar not in self.row[Shelf.LOWER] for jar in self.every(Jar))
