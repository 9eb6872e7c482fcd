"""A theorem: for all integers, not only for those at some sizes."""

from __future__ import annotations

from kvproof.spec.lang import Machine, Shipped, assume, operation, reject, step, theorem
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes


class Blocks(Machine[Sizes]):
    """Tokens fill blocks of `top`."""

    tokens: Few

    @step
    def grow(self) -> None:
        """One token more."""
        self.tokens += 1

    @operation
    def append(self) -> int:
        """Append a token; returns how many blocks there are."""
        if self.tokens == self.params.top:
            reject("full")
        self.grow()
        return self.blocks(self.tokens)

    def blocks(self, tokens: int) -> int:
        """Blocks that so many tokens fill or begin."""
        return (tokens + self.params.top - 1) // self.params.top

    @theorem
    def blocks_are_enough(self, tokens: int) -> bool:
        """The blocks hold all tokens, and one block less would not."""
        assume(self.params.top >= 1 and tokens >= 0)
        room = self.blocks(tokens) * self.params.top
        return room >= tokens and (tokens == 0 or room - self.params.top < tokens)


SHIPPED = Shipped(machine=Blocks, sizes=SMALL)
