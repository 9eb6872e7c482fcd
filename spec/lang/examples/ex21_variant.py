"""A variant: a machine with one design changed, that breaks a rule of the one from which it derives."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Set, Shipped, operation, reject, require, step
from kvproof.spec.lang.examples.ground import THREE, Sizes, Thing


class Tickets(Machine[Sizes]):
    """A ticket is sold once."""

    sold: Set[Thing]

    @step
    def sell(self, ticket: Thing) -> None:
        """Sell a ticket."""
        require(ticket not in self.sold, "sell-once")
        self.sold.add(ticket)

    @operation
    def buy(self, ticket: Thing) -> None:
        """Buy a ticket."""
        if self.is_gone(ticket):
            reject("sold-out")
        self.sell(ticket)

    def is_gone(self, ticket: Thing) -> bool:
        """Whether nobody can have it any more."""
        return ticket in self.sold


class ForgetsTheFirst(Tickets):
    """A bug: ticket 0 counts for none."""

    BREAKS = ("sell-once",)

    def is_gone(self, ticket: Thing) -> bool:
        return ticket != 0 and ticket in self.sold


SHIPPED = Shipped(
    machine=Tickets,
    variants={"first": ForgetsTheFirst},
    sizes={**THREE, "variants": {"first": Sizes()}},
    unreached={"state sold: full": "then nothing is left to buy"},
)
