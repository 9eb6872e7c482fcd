"""A machine from another: `super()` for what it overrides, `WAIVED` for what it does not claim. A helper that refuses."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Set, Shipped, invariant, operation, reject, require, step
from kvproof.spec.lang.examples.ground import Sizes, Thing


class Cabin(Machine[Sizes]):
    """One thing rides at a time."""

    inside: Set[Thing]

    @step
    def board(self, thing: Thing) -> None:
        """Step in."""
        require(thing not in self.inside, "board-once")
        self.inside.add(thing)

    @operation
    def enter(self, thing: Thing) -> None:
        """Step in, if there is room."""
        self.admit(thing)
        self.board(thing)

    def admit(self, thing: Thing) -> None:
        """Whoever cannot step in is refused."""
        if thing in self.inside:
            reject("inside")
        if self.is_full():
            reject("full")

    def is_full(self) -> bool:
        """Whether nobody else has room."""
        return len(self.inside) == 1

    @invariant
    def alone(self) -> bool:
        """Nobody steps in where somebody is."""
        return len(self.inside) <= 1


class Bus(Cabin):
    """As many ride as there are seats."""

    WAIVED = ("alone",)

    last: Thing | None

    @step
    def board(self, thing: Thing) -> None:
        """Step in, and be the last who did."""
        super().board(thing)
        self.last = thing

    def is_full(self) -> bool:
        """Whether all seats are taken."""
        return len(self.inside) == self.params.top


FOUR = Sizes(things=4, top=3)
SHIPPED = Shipped(
    machine=Bus,
    sizes={"explore": {"four": FOUR}, "induction": {"four": FOUR}},
    unreached={"state inside: full": "there are fewer seats than things"},
)
