"""An enumeration: its members are named, compared and looped over; a number is none of them."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from kvproof.spec.lang import AtMost, Machine, Shipped, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes


class State(IntEnum):
    """Of a door."""

    OPEN = 0
    SHUT = 1
    LOCKED = 2


Neighbours = Annotated[tuple[State, ...], AtMost(2)]


class Door(Machine[Sizes]):
    """A door is locked only when it is shut."""

    state: State

    @step
    def become(self, state: State) -> None:
        """The door is in another state."""
        self.state = state

    @operation
    def move(self, wanted: State) -> None:
        """Open, shut or lock the door, one state at a time."""
        if all(wanted != state for state in self.next_to(self.state)):
            reject("not-from-here")
        self.become(wanted)

    def next_to(self, state: State) -> Neighbours:
        """The states that one movement reaches."""
        if state == State.SHUT:
            return (State.OPEN, State.LOCKED)
        return (State.SHUT,)


SHIPPED = Shipped(
    machine=Door,
    sizes=SMALL,
    unreached={"move: all(*: no candidate": "every state is next to another"},
)
