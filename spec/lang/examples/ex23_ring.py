"""Numbers that become things, and an optional value that is sure to be there."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Shipped, ensure, known, operation, reject, step
from kvproof.spec.lang.examples.ground import THREE, Sizes, Thing


class Ring(Machine[Sizes]):
    """A token goes round."""

    token: Thing | None

    @step
    def hand(self, thing: Thing) -> None:
        """Somebody has the token now."""
        self.token = thing

    @operation
    def start(self, thing: Thing) -> None:
        """Make the token."""
        if self.token is not None:
            reject("there-is-one")
        self.hand(thing)

    @operation
    def pass_on(self) -> Thing:
        """Hand it to the next one, who is returned."""
        if self.token is None:
            reject("no-token")
        self.hand(Thing((known(self.token) + 1) % self.params.things))
        ensure(self.token is not None, "not-lost")
        return known(self.token)


SHIPPED = Shipped(machine=Ring, sizes=THREE)
