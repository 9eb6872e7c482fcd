"""Two sequences at once, and places: `zip` and `enumerate`, in loops and generators."""

from __future__ import annotations

from typing import Annotated

from kvproof.spec.lang import Exactly, Machine, Shipped, ensure, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes

Points = Annotated[tuple[Few, ...], Exactly(lambda p: p.things)]


class Scores(Machine[Sizes]):
    """Everybody has some points."""

    points: Points

    @step
    def score(self, points: Points) -> None:
        """The points are others."""
        self.points = points

    @operation
    def add(self, more: Points) -> int:
        """Give everybody more points; returns the place of one who has the most."""
        if any(mine + new > self.params.top for mine, new in zip(self.points, more, strict=False)):
            reject("too-many")
        before = self.points
        self.score(tuple(mine + new for mine, new in zip(self.points, more, strict=False)))
        ensure(all(new >= before[i] for i, new in enumerate(self.points)), "nobody-loses")
        best = 0
        for i, points in enumerate(self.points):
            if points > self.points[best]:
                best = i
        return best


SHIPPED = Shipped(machine=Scores, sizes=SMALL)
