"""A promise of an operation, in the operation or in a helper that it calls; an event that some run must reach."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, Shipped, ensure, operation, reject, sometimes, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing


class Purses(Machine[Sizes]):
    """Coins change hands."""

    coins: Map[Thing, Few]

    def initial(self) -> None:
        for one in self.every(Thing):
            self.coins[one] = 1

    @step
    def move(self, giver: Thing, taker: Thing) -> None:
        """One coin changes hands."""
        self.coins[giver] -= 1
        self.coins[taker] += 1

    @operation
    def pay(self, giver: Thing, taker: Thing) -> Few:
        """Pay one coin; returns what is left."""
        if self.coins[giver] == 0 or self.coins[taker] == self.params.top:
            reject("no-coin-or-no-room")
        before = self.total()
        self.move(giver, taker)
        if self.coins[giver] == 0:
            sometimes("a purse is emptied")
        ensure(self.total() == before, "no-coin-is-lost")
        return self.coins[giver]

    def total(self) -> int:
        """All coins."""
        return sum(self.coins[one] for one in self.every(Thing))


SHIPPED = Shipped(machine=Purses, sizes=SMALL)
