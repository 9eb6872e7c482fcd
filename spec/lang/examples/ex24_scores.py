"""Two sequences at once, and places: `zip` and `enumerate`, in loops and generators."""

from __future__ import annotations

from typing import Annotated

from kvproof.spec.lang import AtMost, Machine, Shipped, ensure, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes

Points = Annotated[tuple[Few, ...], AtMost(lambda p: p.things)]


class Scores(Machine[Sizes]):
    """Whoever has played has some points."""

    points: Points

    @step
    def score(self, points: Points) -> None:
        """The points are others."""
        self.points = points

    @operation
    def add(self, more: Points) -> int:
        """Add the points of a game, in which other players may come; returns the place of one who has the most."""
        if any(mine + new > self.params.top for mine, new in zip(self.points, more, strict=False)):
            reject("too-many")
        before = self.points
        both = tuple(mine + new for mine, new in zip(before, more, strict=False))
        self.score(both + before[len(both) :] + more[len(both) :])
        ensure(all(self.points[i] >= old for i, old in enumerate(before)), "nobody-loses")
        best = 0
        for i, points in enumerate(self.points):
            if points > self.points[best]:
                best = i
        return best


SHIPPED = Shipped(machine=Scores, sizes=SMALL)
