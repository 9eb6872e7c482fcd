"""Idiom, an unbounded rank: a clock that never ends has no finite type, but who is before whom has."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Map, Set, Shipped, ensure, invariant, operation, step
from kvproof.spec.lang.examples.ground import THREE, Sizes, Thing


class Stamps(Machine[Sizes]):
    """The implementation stamps things with a counter that only grows; only comparisons of stamps matter."""

    older: Map[Thing, Set[Thing]]
    """For each thing, those with a smaller stamp."""

    @step
    def follow(self, older: Thing, younger: Thing) -> None:
        """A thing has a larger stamp than another."""
        self.older[younger].add(older)
        self.older[older].discard(younger)

    @operation
    def stamp(self, thing: Thing) -> int:
        """Give a thing the next stamp; returns how many are older."""
        for other in self.every(Thing):
            if other != thing:
                self.follow(other, thing)
        ensure(all(thing not in self.older[other] for other in self.every(Thing)), "the-last-is-the-largest")
        return len(self.older[thing])

    @invariant
    def one_is_older(self) -> bool:
        """follow takes the other direction away."""
        return all(
            a not in self.older[b] or b not in self.older[a] for a in self.every(Thing) for b in self.every(Thing)
        )


SHIPPED = Shipped(
    machine=Stamps,
    sizes=THREE,
    unreached={
        "follow: *: equal": "a thing is not stamped after itself",
        "state older: full": "nothing is older than itself",
    },
)
