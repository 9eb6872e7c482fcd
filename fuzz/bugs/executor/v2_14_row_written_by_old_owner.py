"""V2-14: a row that its old owner writes to."""

from __future__ import annotations

from kvproof.fuzz.bugs.executor.sizes import PLAIN, with_executor
from kvproof.fuzz.bugs.planting import plant
from kvproof.fuzz.bugs.seeded import SeededBug
from kvproof.impl.executor import Executor, Request
from kvproof.impl.executor.pairs import Pairs


class LeavesRowsBound(Pairs):
    """Gives rows back without telling the caches."""

    def unbind_rows(self, request: Request) -> None:
        """Later, when the caches are closed."""


RowsLeftBound = plant(Executor, parts={Pairs: LeavesRowsBound})


BUG = SeededBug(
    id="V2-14",
    title="a row that its old owner writes to",
    source="#14423",
    mechanism=(
        "The index row of a context-only request is free for others as soon as it is handed over, but its cache "
        "stays bound to it. When that gives up its pages, it empties the entries of the row's new owner."
    ),
    machine="executor",
    make_target=with_executor(RowsLeftBound),
    oracles=("observation", "crash"),
    parameters=PLAIN,
    no_variant="a row of the specification is what its owner has locked: nobody writes it",
    without=frozenset({"finish"}),
)
