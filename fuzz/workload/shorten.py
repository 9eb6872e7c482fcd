"""A divergence of a long replay made short: beside what is cut down in any replay (see `cutting`), tokens and sequences
are renumbered, and batches lose requests.

The promise to the scheduler is an oracle of this lockstep alone: what breaks it is cut here as far as that goes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from attrs import define, field

from kvproof.fuzz.subject import Parameters
from kvproof.fuzz.target import Operation, Target
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, ManagerFactory, simulated_device
from kvproof.fuzz.trace import Trace
from kvproof.fuzz.workload.cutting import Cutter
from kvproof.fuzz.workload.lockstep import WorkloadLockstep

OPERATIONS_BUDGET = 20_000
"""Operations that cutting down may run: a minute at the pace of a replay."""

SMALL_OPERATIONS = 60
SMALL_BLOCKS = 64
"""Up to these sizes a sequence goes to the minimiser."""


@define
class Shortener(Cutter):
    """Cuts one divergence of `make_manager` down."""

    POOLS: ClassVar[tuple[tuple[str, int], ...]] = (("primary_blocks", 1), ("secondary_blocks", 0))
    MINIMISER_RUNS: ClassVar[int] = 1_500

    make_manager: ManagerFactory
    by_check: bool = False
    budget: int = OPERATIONS_BUDGET

    def shorten(self, trace: Trace) -> Trace:
        """See `Cutter`."""
        if trace.failure is None:
            return trace
        best = self._fewer_kinds(trace.cut())
        while True:
            before = best
            best = self._fewer_requests(self.fewer_operations(self.smaller_pools(best)))
            if best == before or self.budget <= 0:
                break
        return self.minimised(self._renumbered(best))

    def lockstep(self, parameters: Parameters) -> WorkloadLockstep:
        """See `Cutter`."""
        return WorkloadLockstep(self.subject, parameters, self.make_manager)

    def make_target(self) -> Target:
        """See `Cutter`."""
        return target_maker(self.make_manager)()

    def is_small(self, trace: Trace) -> bool:
        """See `Cutter`."""
        blocks = trace.parameters["primary_blocks"] + trace.parameters["secondary_blocks"]
        return len(trace.operations) <= SMALL_OPERATIONS and blocks <= SMALL_BLOCKS

    def _fewer_kinds(self, best: Trace) -> Trace:
        """Without all operations of a name, where that does: questions, for instance, are most of a replay."""
        for name in dict.fromkeys(operation.name for operation in best.operations[:-1]):
            others = (*(each for each in best.operations[:-1] if each.name != name), best.operations[-1])
            best = self.attempt(best, best.parameters, others) or best
        return best

    def _fewer_requests(self, best: Trace) -> Trace:
        """Batches without the requests that the failure does not need."""
        for index in reversed(range(len(best.operations))):
            position = 0
            while index < len(best.operations) and position < len(_requests(best.operations[index])) > 1:
                operation, requests = best.operations[index], _requests(best.operations[index])
                fewer = {**operation.arguments, "requests": requests[:position] + requests[position + 1 :]}
                changed = (*best.operations[:index], Operation(operation.name, fewer), *best.operations[index + 1 :])
                found = self.attempt(best, best.parameters, changed)
                if found is None:
                    position += 1
                else:
                    best = found
        return best

    def _renumbered(self, best: Trace) -> Trace:
        """Sequences and tokens numbered by first appearance, and the parameters no larger than they need be."""
        names = _Names()
        operations = tuple(Operation(each.name, names.arguments(each.arguments)) for each in best.operations)
        parameters = {
            **best.parameters,
            "sequences": max(1, len(names.sequences)),
            "max_tokens": _longest(operations),
            "vocabulary": max(1, len(names.tokens)),
        }
        self.budget = max(self.budget, len(operations))
        return self.attempt(best, parameters, operations) or best


@define
class _Names:
    """New names of sequences and tokens, given in the order in which they appear."""

    sequences: dict[int, int] = field(factory=dict)
    tokens: dict[int, int] = field(factory=dict)

    def arguments(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Arguments of an operation, or a request, with the new names."""
        renamed = dict(given)
        if "sequence" in given:
            renamed["sequence"] = self.sequences.setdefault(given["sequence"], len(self.sequences))
        if "tokens" in given:
            renamed["tokens"] = tuple(self.tokens.setdefault(token, len(self.tokens)) for token in given["tokens"])
        if "requests" in given:
            renamed["requests"] = tuple(map(self.arguments, given["requests"]))
        return renamed


def _requests(operation: Operation) -> tuple[Any, ...]:
    found: tuple[Any, ...] = operation.arguments.get("requests", ())
    return found


def _longest(operations: tuple[Operation, ...]) -> int:
    """Tokens of the longest sequence, what was taken back from it included."""
    lengths: dict[int, int] = {}
    longest = 1
    for operation in operations:
        given = operation.arguments
        for request in _requests(operation):
            lengths[request["sequence"]] = len(request["tokens"])
        if operation.name == "append":
            lengths[given["sequence"]] = lengths.get(given["sequence"], 0) + len(given["tokens"])
        longest = max(longest, len(given.get("tokens", ())), *lengths.values())
    return longest


def target_maker(make_manager: ManagerFactory) -> Callable[[], Target]:
    """Makes the target on which a trace of this implementation runs."""
    return lambda: BlockManagerTarget(simulated_device, make_manager)
