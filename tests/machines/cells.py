"""A machine whose bug shows only when an open choice is made in another way than by the policy; with variants of it."""

from __future__ import annotations

from typing import Any

import attrs

from kvproof.spec.lang import (
    Index,
    Machine,
    Map,
    Parameters,
    Record,
    Shipped,
    choose,
    observation,
    operation,
    reject,
    require,
    step,
)


@attrs.frozen
class CellsParameters(Parameters):
    cells: int = 2


class Cell(Index):
    @classmethod
    def count(cls, parameters: CellsParameters) -> int:
        return parameters.cells


@attrs.frozen
class Victim(Record):
    """A cell, and whether it is the first."""

    cell: Cell
    first: bool


class Cells(Machine[CellsParameters]):
    """Cells that are full or empty; the first is emptied before any other, and then which one is open."""

    full: Map[Cell, bool]

    @step
    def write(self, cell: Cell, full: bool) -> None:
        """Fill or empty a cell."""
        require(full or self.full[cell], "empty-what-is-full")
        require(full or cell == 0 or not self.full[0], "the-first-is-emptied-first")
        self.full[cell] = full

    @operation
    def fill(self, cell: Cell) -> None:
        """Fill a cell."""
        self.write(cell, True)

    @operation
    def empty(self) -> Cell:
        """Empty a full cell."""
        if not any(self.full[cell] for cell in self.every(Cell)):
            reject("all-are-empty")
        victim = self.victim()
        self.write(victim.cell, False)
        return victim.cell

    def victim(self) -> Victim:
        """The cell to empty."""
        return choose(
            (
                Victim(cell, cell == 0)
                for cell in self.every(Cell)
                if self.full[cell] and (cell == 0 or not self.full[0])
            ),
            "which",
        )

    @observation
    def observe(self) -> dict[str, Any]:
        """All."""
        return {"full": [self.full[cell] for cell in self.every(Cell)]}


class AnyFirst(Cells):
    """Any full cell is emptied. The policy takes the first while that is full, so it never breaks the rule."""

    BREAKS = ("the-first-is-emptied-first",)

    def victim(self) -> Victim:
        """The cell to empty."""
        return choose((Victim(cell, cell == 0) for cell in self.every(Cell) if self.full[cell]), "which")


class SaysAnother(AnyFirst):
    """It breaks one rule, and says another."""

    BREAKS = ("empty-what-is-full",)


class SaysNothingThatThereIs(AnyFirst):
    """It says what no rule is."""

    BREAKS = ("the-first-is-emtied-first",)


class SaysText(AnyFirst):
    """It says a text, where names belong."""

    BREAKS = "the-first-is-emptied-first"  # type: ignore[assignment]


VARIANTS = {"text": SaysText, "any": AnyFirst, "another": SaysAnother, "nothing": SaysNothingThatThereIs}

SHIPPED = Shipped(
    machine=Cells,
    variants=VARIANTS,
    sizes={
        "explore": {"2": CellsParameters()},
        "induction": {"2": CellsParameters()},
        "variants": dict.fromkeys(VARIANTS, CellsParameters()),
    },
)
