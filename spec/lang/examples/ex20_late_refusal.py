"""Idiom, refused but changed: `reject` changes nothing, so a call that fails with an effect returns that it failed."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Set, Shipped, ensure, operation, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing


class Cache(Machine[Sizes]):
    """Makes room first and asks then whether that was enough: the system does so, and a caller sees it."""

    cached: Set[Thing]
    used: Set[Thing]

    @step
    def evict(self, thing: Thing) -> None:
        """A thing is no longer cached."""
        self.cached.discard(thing)

    @step
    def take(self, thing: Thing) -> None:
        """A thing is used, and cached."""
        self.used.add(thing)
        self.cached.add(thing)

    @operation
    def admit(self, thing: Thing) -> bool:
        """Evict a thing that is cached, then use it; False when it is used already: it is evicted all the same."""
        if thing in self.cached:
            self.evict(thing)
        if thing in self.used:
            return False
        self.take(thing)
        ensure(thing in self.cached, "admitted-is-cached")
        return True


SHIPPED = Shipped(machine=Cache, sizes=SMALL)
