"""What the examples stand on: a few things, and numbers up to a top."""

from __future__ import annotations

from typing import Annotated

import attrs

from kvproof.spec.lang import Between, Index, Parameters


@attrs.frozen
class Sizes(Parameters):
    """How much there is of everything."""

    things: int = 2
    top: int = 2


class Thing(Index):
    """One of `things` interchangeable things: 0, 1, .."""

    @classmethod
    def count(cls, parameters: Sizes) -> int:
        return parameters.things


Few = Annotated[int, Between(0, lambda p: p.top)]

SMALL = {"explore": {"two": Sizes()}, "induction": {"two": Sizes()}}
THREE = {"explore": {"three": Sizes(things=3)}, "induction": {"three": Sizes(things=3)}}
