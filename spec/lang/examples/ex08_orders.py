"""A record: a value with named fields, built with all of them, never changed; `replace` makes one that differs."""

from __future__ import annotations

import attrs

from kvproof.spec.lang import Machine, Map, Record, Shipped, operation, reject, replace, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing


@attrs.frozen
class Order(Record):
    """What somebody wants."""

    amount: Few
    urgent: bool


class Orders(Machine[Sizes]):
    """Everybody has one order."""

    order: Map[Thing, Order]

    @step
    def note(self, who: Thing, order: Order) -> None:
        """Somebody wants something else."""
        self.order[who] = order

    @operation
    def urge(self, who: Thing, order: Order) -> Order:
        """Order at once, at least as much as before; returns the order before."""
        before = self.order[who]
        if order.amount < before.amount:
            reject("less-than-before")
        self.note(who, replace(order, urgent=True))
        return before


SHIPPED = Shipped(machine=Orders, sizes=SMALL)
