"""A partial map of optional values: absent, and there with None, are two things. What these machines promise is false."""

from __future__ import annotations

from typing import Annotated

import attrs

from kvproof.spec.lang import (
    Between,
    Index,
    Machine,
    Parameters,
    PartialMap,
    choose,
    ensure,
    invariant,
    operation,
    require,
    step,
)


@attrs.frozen
class Places(Parameters):
    places: int = 3


class Place(Index):
    @classmethod
    def count(cls, parameters: Places) -> int:
        return parameters.places


Number = Annotated[int, Between(0, 7)]


class NoneIsNothing(Machine[Places]):
    """Promises that what is in the map is something."""

    noted: PartialMap[Place, Number | None]
    """What was noted at a place, if anything was."""

    @step
    def note(self, place: Place, number: Number | None) -> None:
        """Note it, or that there was nothing to note."""
        self.noted[place] = number

    @operation
    def write(self, place: Place, number: Number | None) -> None:
        """Note anything."""
        self.note(place, number)

    @operation
    def look(self, place: Place) -> int:
        """The false promise, by the map's `get`."""
        ensure(place not in self.noted or self.noted.get(place) is not None, "noted-is-something")
        return 0


class AlwaysThere(NoneIsNothing):
    """As `NoneIsNothing`, with a presence that the invariants decide: what is known must not carry over to the value."""

    def initial(self) -> None:
        self.noted[Place(0)] = 3

    @operation
    def look(self, place: Place) -> int:
        """The false promise, by the place."""
        if place == 0 and place in self.noted:
            ensure(self.noted[place] is not None, "noted-is-something")
        return 0

    @invariant
    def something_is_noted(self) -> bool:
        """The first place has a note."""
        return 0 in self.noted


class TwoChoosers(NoneIsNothing):
    """Two operations that each choose: one keeps the rule that the first note stays, the other need not."""

    @step
    def remove(self, place: Place) -> None:
        """Forget one note."""
        require(place != 0, "the-first-stays")
        del self.noted[place]

    @operation
    def forget(self) -> None:
        """Forget any but the first."""
        place = choose((p for p in self.every(Place) if p in self.noted and p != 0), "which note")
        self.remove(place)

    @operation
    def look(self, place: Place) -> int:
        """Forget any, the first too."""
        other = choose((p for p in self.every(Place) if p in self.noted), "which note")
        self.remove(other)
        return 0
