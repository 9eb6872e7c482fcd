"""A divergence of a long replay made short.

The general minimiser compares whole states at every operation, which a replay of thousands of operations on thousands
of blocks cannot afford. So the replay is first cut down with its own lockstep: smaller pools, fewer operations, tokens
and sequences renumbered. What is then small goes to the minimiser. Everything is deterministic; the budget is a number
of operations. The promise to the scheduler is an oracle of this lockstep alone: what breaks it is cut here as far as
that goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.minimise import Minimiser
from kvproof.fuzz.pace import MODES, Pace
from kvproof.fuzz.subject import MachineError, Parameters, Subject
from kvproof.fuzz.target import Operation, Refused, Target, TargetError
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, ManagerFactory, simulated_device
from kvproof.fuzz.trace import Trace
from kvproof.fuzz.workload.lockstep import WorkloadLockstep

OPERATIONS_BUDGET = 20_000
"""Operations that cutting down may run: a minute at the pace of a replay."""

SMALL_OPERATIONS = 60
SMALL_BLOCKS = 64
"""Up to these sizes a sequence goes to the minimiser."""

MINIMISER_RUNS = 1_500


@frozen
class _Cut:
    parameters: Parameters
    operations: tuple[Operation, ...]
    failure: Failure


@define
class Shortener:
    """Cuts one divergence down.

    Attributes:
        subject: the machine.
        make_manager: the implementation that diverges.
        by_check: the failure shows only when whole states are compared.
        budget: operations left to run.
    """

    subject: Subject
    make_manager: ManagerFactory
    by_check: bool = False
    budget: int = OPERATIONS_BUDGET

    def shorten(self, trace: Trace) -> Trace:
        """The shortest trace found that fails in the same way; the given one when nothing shorter does."""
        if trace.failure is None:
            return trace
        cut = _Cut(trace.parameters, trace.operations[: trace.failure.operation + 1], trace.failure)
        cut = self._fewer_kinds(cut)
        while True:
            before = cut
            cut = self._fewer_requests(self._fewer_operations(self._smaller_pools(cut)))
            if cut == before or self.budget <= 0:
                break
        cut = self._renumbered(cut)
        cut = self._minimised(cut)
        return evolve(trace, parameters=cut.parameters, operations=cut.operations, failure=cut.failure)

    def _attempt(self, cut: _Cut, parameters: Parameters, operations: tuple[Operation, ...]) -> _Cut | None:
        """Run a candidate; None unless it fails alike. Operations that were refused are left out of the result."""
        if self.budget <= 0:
            return None
        try:
            lockstep = WorkloadLockstep(self.subject, parameters, self.make_manager)
        except (MachineError, TargetError):
            return None
        kept: list[Operation] = []
        failure = None
        for operation in operations:
            self.budget -= 1
            failure = lockstep.apply(operation)
            if failure is not None or not isinstance(lockstep.outcome, Refused):
                kept.append(operation)
            if failure is not None:
                break
        if failure is None and self.by_check and kept:
            failure = lockstep.check()
        if failure is None or not _alike(failure, cut.failure):
            return None
        return _Cut(parameters, tuple(kept), evolve(failure, operation=len(kept) - 1))

    def _fewer_kinds(self, cut: _Cut) -> _Cut:
        """Without all operations of a name, where that does: questions, for instance, are most of a replay."""
        for name in dict.fromkeys(operation.name for operation in cut.operations[:-1]):
            others = (*(each for each in cut.operations[:-1] if each.name != name), cut.operations[-1])
            cut = self._attempt(cut, cut.parameters, others) or cut
        return cut

    def _smaller_pools(self, cut: _Cut) -> _Cut:
        """The smallest powers of two that still fail: small pools refuse most and so are quick to try."""
        for name, first in (("primary_blocks", 1), ("secondary_blocks", 0)):
            for size in _sizes(first, cut.parameters[name]):
                found = self._attempt(cut, {**cut.parameters, name: size}, cut.operations)
                if found is not None:
                    cut = found
                    break
        return cut

    def _fewer_operations(self, cut: _Cut) -> _Cut:
        size = len(cut.operations) // 2
        while size >= 1:
            start = 0
            while start < len(cut.operations):
                found = self._attempt(cut, cut.parameters, cut.operations[:start] + cut.operations[start + size :])
                if found is not None and len(found.operations) < len(cut.operations):
                    cut = found
                else:
                    start += size
            size //= 2
        return cut

    def _fewer_requests(self, cut: _Cut) -> _Cut:
        """Batches without the requests that the failure does not need."""
        for index in reversed(range(len(cut.operations))):
            position = 0
            while index < len(cut.operations) and position < len(_requests(cut.operations[index])) > 1:
                operation, requests = cut.operations[index], _requests(cut.operations[index])
                fewer = {**operation.arguments, "requests": requests[:position] + requests[position + 1 :]}
                changed = (*cut.operations[:index], Operation(operation.name, fewer), *cut.operations[index + 1 :])
                found = self._attempt(cut, cut.parameters, changed)
                if found is None:
                    position += 1
                else:
                    cut = found
        return cut

    def _renumbered(self, cut: _Cut) -> _Cut:
        """Sequences and tokens numbered by first appearance, and the parameters no larger than they need be."""
        names = _Names()
        operations = tuple(Operation(each.name, names.arguments(each.arguments)) for each in cut.operations)
        parameters = {
            **cut.parameters,
            "sequences": max(1, len(names.sequences)),
            "max_tokens": _longest(operations),
            "vocabulary": max(1, len(names.tokens)),
        }
        self.budget = max(self.budget, len(operations))
        return self._attempt(cut, parameters, operations) or cut

    def _minimised(self, cut: _Cut) -> _Cut:
        blocks = cut.parameters["primary_blocks"] + cut.parameters["secondary_blocks"]
        if len(cut.operations) > SMALL_OPERATIONS or blocks > SMALL_BLOCKS:
            return cut
        make_target = target_maker(self.make_manager)
        for mode in MODES:  # the replay's device had an order of its own: one that fails too is looked for
            operations, failure = self._run_whole(make_target(), cut, Pace(mode))
            if failure is not None:
                minimiser = Minimiser(self.subject, make_target, budget=MINIMISER_RUNS)
                best = minimiser.minimise(cut.parameters, operations, failure)
                return _Cut(best.parameters, best.operations, best.failure)
        return cut

    def _run_whole(self, target: Target, cut: _Cut, pace: Pace) -> tuple[tuple[Operation, ...], Failure | None]:
        """Lockstep that compares whole states: the operations with what completed during each, and the failure."""
        done: list[Operation] = []
        with Lockstep(self.subject, target, cut.parameters) as lockstep:
            failure = lockstep.initial()
            for operation in cut.operations:
                if failure is not None:
                    break
                failure = lockstep.apply(operation, pace)
                done.append(lockstep.operation)
        return tuple(done), failure


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


def _alike(one: Failure, other: Failure) -> bool:
    """The same oracle objects to the same thing; at which operation may differ once others are left out."""
    return one.fingerprint.split(":")[:2] == other.fingerprint.split(":")[:2]


def _sizes(first: int, below: int) -> Iterator[int]:
    size = first
    while size < below:
        yield size
        size = size * 2 or 1
