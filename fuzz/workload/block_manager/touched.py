"""What an operation of the block manager touched, held against the specification at no more cost than that.

Per operation: the promise to the scheduler; free counts per level of reference, validator and manager; every touched
block, and every path that left the tree, by content: level, references, pins, retention, free or not; the same by the
target's events; the next victim of each level; the page table of sequences that were given blocks or gave some back; the
bytes of every touched block, and all that the kernels read. With whole states: the specification's invariants, the sums
of what the requests were told against the manager's own totals, and the bytes of every cached or used block.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kvproof.fuzz import oracles
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.looks import Sides, guarded
from kvproof.fuzz.oracles import Moment
from kvproof.fuzz.subject import Parameters
from kvproof.fuzz.target import Content, Outcome, Returned, Step
from kvproof.fuzz.targets.block_manager import RESULT_FIELDS
from kvproof.fuzz.workload.block_manager import comparison
from kvproof.fuzz.workload.block_manager.invariants import broken_invariants
from kvproof.fuzz.workload.block_manager.ledger import Ledger
from kvproof.fuzz.workload.block_manager.promise import PromiseKeeper
from kvproof.fuzz.workload.block_manager.target import ReplayTarget


class TouchedBlocks:
    """See `kvproof.fuzz.looks.Delta`; the target is a `ReplayTarget`."""

    def __init__(self, parameters: Parameters) -> None:
        self.promise = PromiseKeeper(parameters)
        """Who watches the promise to the scheduler."""
        self._sums = dict.fromkeys(RESULT_FIELDS, 0)
        self._reference_log: list[tuple[str, tuple[Any, ...]]] = []

    def attach(self, sides: Sides) -> None:
        """See `Delta`."""
        assert sides.validation is not None
        self._sides = sides
        self._target: ReplayTarget = sides.target
        self._expected = Ledger(sides.reference, self._target.root)
        self._actual = Ledger(sides.validation.validator, self._target.root)
        log = self._reference_log
        sides.reference.on_step = lambda name, arguments: log.append((name, arguments))

    def compare(self, moment: Moment, actual: Outcome, steps: list[Step]) -> Failure | None:
        """See `Delta`."""
        ours, theirs, looked = self._expected, self._actual, self._sides.looked
        looked["promises"] += 1
        free = guarded(self._target.free_counts)
        broken = self.promise.look(moment.operation, actual, free[0])
        if broken is not None:
            message = f"{comparison.after(moment)} the promise {broken.promise} is broken: {broken.message}"
            return moment.failure("promise", broken.promise, message)
        if moment.operation.name == "add_batch" and isinstance(actual, Returned):
            for name in RESULT_FIELDS:
                self._sums[name] += sum(result[name] for result in actual.value[:-1])
        ours.follow(self._reference_log)
        self._reference_log.clear()
        theirs.follow(steps)
        looked["touched"] += len(theirs.touched)
        looked["events"] += len(self._target.fold.touched)
        return (
            comparison.free_counts(moment, ours, theirs, free)
            or comparison.touched(moment, ours, theirs)
            or comparison.events(moment, theirs, self._target.fold)
            or self._page_tables(moment)
        )

    def _page_tables(self, moment: Moment) -> Failure | None:
        for sequence in self._actual.regrouped:
            if sequence in self._actual.side.live:
                table = guarded(self._target.page_table, sequence)
                failure = comparison.page_table(moment, self._actual, sequence, table)
                if failure is not None:
                    return failure
        return None

    def contents(self) -> Iterator[Content]:
        """See `Delta`: what the kernels read, then all touched blocks that are cached or in use."""
        guarded(self._target.settle)
        yield from guarded(list, self._target.read_back())
        yield from self._blocks(self._actual.touched)

    def all_contents(self) -> Iterator[Content]:
        """See `Delta`."""
        guarded(self._target.settle)
        yield from self._blocks(range(len(self._actual.data)))

    def _blocks(self, blocks: Iterable[int]) -> Iterator[Content]:
        """Those of `blocks` that are cached or in use, read back from the device."""
        ledger, side = self._actual, self._actual.side
        for block in blocks:
            node = ledger.data[block]
            if node is None or not (block in side.cached or side.refs[block]):
                continue
            level, slot = ledger.place(block)
            found = guarded(self._target.bytes_at, level, slot)
            yield Content(comparison.place_name(level, slot), node, 0, found[: len(node.data)])

    def totals(self, moment: Moment) -> Failure | None:
        """See `Delta`."""
        self._sides.looked["invariants"] += 1
        reference: Any = self._sides.reference
        failure = oracles.invariants(moment, broken_invariants(reference))
        return failure or comparison.statistics(moment, self._sums, self._target.counters)
