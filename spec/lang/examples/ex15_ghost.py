"""Ghost state says what is right; `initial` gives first values, and `observation` says what a caller sees."""

from __future__ import annotations

from typing import Any

from kvproof.spec.lang import Ghost, Machine, Map, Shipped, invariant, observation, operation, reject, step
from kvproof.spec.lang.examples.ground import SMALL, Few, Sizes, Thing


class Copies(Machine[Sizes]):
    """Things hold content, and their level says how far it has been copied."""

    level: Map[Thing, Few]
    content: Ghost[Map[Thing, bool]]
    """Whether a thing holds its content: no implementation has that."""

    def initial(self) -> None:
        for thing in self.every(Thing):
            self.level[thing] = self.params.top

    @step
    def copy(self, thing: Thing) -> None:
        """A part of a thing arrives; with the last one its content is there."""
        self.level[thing] -= 1
        self.content[thing] = self.level[thing] == 0

    @operation
    def advance(self, thing: Thing) -> None:
        """Copy a part."""
        if self.level[thing] == 0:
            reject("arrived")
        self.copy(thing)

    @invariant
    def arrived_is_there(self) -> bool:
        """What an implementation takes for arrived has its content."""
        return all((self.level[thing] == 0) == self.content[thing] for thing in self.every(Thing))

    @observation
    def observe(self) -> dict[str, Any]:
        """How many have arrived: names are no business of a caller."""
        return {"arrived": sum(self.level[thing] == 0 for thing in self.every(Thing))}


SHIPPED = Shipped(machine=Copies, sizes=SMALL)
