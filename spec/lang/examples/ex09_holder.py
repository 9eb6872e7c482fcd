"""An optional value: `is None` tells whether there is one, and after a refusal or return in that case it is a value."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Shipped, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Sizes, Thing


class Lock(Machine[Sizes]):
    """At most one thing holds it."""

    holder: Thing | None

    @step
    def give(self, holder: Thing | None) -> None:
        """Somebody else, or nobody, holds it."""
        self.holder = holder

    @operation
    def take(self, thing: Thing) -> None:
        """Take the lock."""
        if self.holder is not None:
            reject("held")
        self.give(thing)

    @operation
    def pass_on(self, to: Thing) -> Thing:
        """Give the lock to another; returns who had it."""
        holder = self.holder
        if holder is None:
            reject("not-held")
        self.give(to)
        return holder


SHIPPED = Shipped(machine=Lock, sizes=SMALL)
