"""An open choice: any of the candidates is right, and an implementation is followed in what it takes."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Set, Shipped, choose, operation, reject, require, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing


class Pool(Machine[Sizes]):
    """Things are lent, any that is there."""

    lent: Set[Thing]

    @step
    def lend(self, thing: Thing) -> None:
        """Give a thing away."""
        require(thing not in self.lent, "lend-once")
        self.lent.add(thing)

    @step
    def take_back(self, thing: Thing) -> None:
        """A thing is there again."""
        self.lent.discard(thing)

    @operation
    def borrow(self) -> Thing:
        """Get some thing that is there."""
        if len(self.lent) == self.params.things:
            reject("all-lent")
        thing = choose((thing for thing in self.every(Thing) if thing not in self.lent), "thing")
        self.lend(thing)
        return thing

    @operation
    def give_back(self, thing: Thing) -> None:
        """Bring a thing back."""
        if thing not in self.lent:
            reject("not-lent")
        self.take_back(thing)


SHIPPED = Shipped(machine=Pool, sizes=SMALL)
