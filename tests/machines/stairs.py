"""A small machine with trials: walkers go up and down stairs, and a step up is taken back by a step down."""

from __future__ import annotations

from typing import Annotated, Any

import attrs

from kvproof.spec.lang import (
    Between,
    Index,
    Machine,
    Map,
    Parameters,
    Shipped,
    assume,
    choose,
    ensure,
    invariant,
    observation,
    operation,
    reject,
    require,
    step,
    trial,
)


@attrs.frozen
class StairsParameters(Parameters):
    """Sizes of stairs."""

    walkers: int = 2
    top: int = 3


class Walker(Index):
    """Somebody on the stairs."""

    @classmethod
    def count(cls, parameters: StairsParameters) -> int:
        return parameters.walkers


Height = Annotated[int, Between(0, lambda p: p.top)]


class Stairs(Machine[StairsParameters]):
    """Walkers on stairs, one stair at a time."""

    height: Map[Walker, Height]
    """How far up each walker is."""

    @step
    def move(self, walker: Walker, height: Height) -> None:
        """A walker goes to a stair next to his."""
        require(height - self.height[walker] <= 1 and self.height[walker] - height <= 1, "one-stair-at-a-time")
        self.height[walker] = height

    @operation
    def up(self, walker: Walker) -> None:
        """Go up."""
        if self.height[walker] == self.params.top:
            reject("at-the-top")
        self.climb(walker)

    def climb(self, walker: Walker) -> None:
        """One stair up."""
        self.move(walker, self.height[walker] + 1)

    def descend(self, walker: Walker) -> None:
        """One stair down."""
        self.move(walker, self.height[walker] - 1)

    @operation
    def down(self, walker: Walker) -> None:
        """Go down."""
        if self.height[walker] == 0:
            reject("on-the-ground")
        self.descend(walker)

    @invariant
    def everybody_is_on_the_stairs(self) -> bool:
        """Heights are those of stairs."""
        return all(self.height[walker] <= self.params.top for walker in self.every(Walker))

    @trial
    def down_undoes_up(self, walker: Walker, other: Walker) -> None:
        """A stair up and a stair down again is nothing, for every walker."""
        assume(self.height[walker] < self.params.top)
        before = self.height[other]
        self.climb(walker)
        self.descend(walker)
        ensure(self.height[other] == before, "up-and-down-is-nothing")

    @observation
    def observe(self) -> dict[str, Any]:
        """Where everybody is."""
        return {str(walker): self.height[walker] for walker in self.every(Walker)}


class SlipsOnTheSecondStair(Stairs):
    """Who goes down from the second stair stays there."""

    def descend(self, walker: Walker) -> None:
        if self.height[walker] == 2:
            self.move(walker, self.height[walker])
        else:
            self.move(walker, self.height[walker] - 1)


class JumpsDown(Stairs):
    """Who goes down jumps to the ground."""

    def descend(self, walker: Walker) -> None:
        self.move(walker, 0)


class NeverTried(Stairs):
    """The trial presumes what never is."""

    @trial
    def down_undoes_up(self, walker: Walker, other: Walker) -> None:
        """Says nothing."""
        assume(self.height[walker] > self.params.top)
        ensure(self.height[other] == 0, "up-and-down-is-nothing")


class NeverSaid(Stairs):
    """The trial comes to its promise in no state."""

    @trial
    def down_undoes_up(self, walker: Walker, other: Walker) -> None:
        """Says nothing."""
        if self.height[walker] > self.params.top:
            ensure(self.height[other] == 0, "up-and-down-is-nothing")


class ChoosesWhoGoesDown(Stairs):
    """Somebody goes down again: the policy takes who went up, but it may be one with a higher number."""

    @trial
    def down_undoes_up(self, walker: Walker, other: Walker) -> None:
        """Wrong, unless the right one is chosen."""
        assume(self.height[walker] < self.params.top)
        before = self.height[other]
        self.climb(walker)
        self.descend(choose((w for w in self.every(Walker) if w >= walker and self.height[w] > 0), "who"))
        ensure(self.height[other] == before, "up-and-down-is-nothing")


class OnlyTried(Stairs):
    """Only the trial sits down."""

    @step
    def sit(self, walker: Walker) -> None:
        """A walker sits down on the ground."""
        require(self.height[walker] <= 1, "sit-on-the-ground")
        self.height[walker] = 0

    def rest(self, walker: Walker) -> None:
        """Down, as far as that is allowed."""
        if self.height[walker] == 1:
            self.sit(walker)

    @trial
    def sitting_is_low(self, walker: Walker) -> None:
        """Who sits is on the ground."""
        assume(self.height[walker] <= 1)
        self.rest(walker)
        ensure(self.height[walker] == 0, "sitting-is-low")


SHIPPED = Shipped(
    machine=Stairs,
    sizes={"explore": {"three stairs": StairsParameters()}, "induction": {"three stairs": StairsParameters()}},
)
