"""Cutting the divergence of a long replay down until the minimiser can have it.

The general minimiser compares whole states at every operation, which a replay of thousands of operations on thousands
of blocks cannot afford. So the replay is first cut down with its own lockstep: pools are made smaller, operations and
records in their arguments left out, indices numbered anew; what is then small goes to the minimiser. Whatever is left
out, the rest is a sequence of operations that both sides answer, if only with a refusal. Everything is deterministic; the
budget is a number of operations. Whole states know of no promise to a scheduler: what breaks it is cut here as far as
that goes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, evolve, frozen

from kvproof.fuzz import edits
from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.pace import MODES, Pace
from kvproof.fuzz.shapes import Fields, Run
from kvproof.fuzz.shrinking.minimise import Minimiser
from kvproof.fuzz.subject import MachineError, Parameters, Subject
from kvproof.fuzz.target import Operation, Refused, Target, TargetError
from kvproof.fuzz.trace import Trace


@frozen
class Cuts:
    """How far one manager's replays are cut down.

    Attributes:
        pools: the parameters that are the sizes of pools, and the least of each.
        thorough: also tried without all operations of a name, and until nothing helps; for slow operations too much.
        budget: operations that cutting down may run.
        small_operations, small_pools: what is no longer, and whose pools together are no larger, goes to the minimiser.
        minimiser_runs: runs that the minimiser may take.
    """

    pools: tuple[tuple[str, int], ...]
    thorough: bool
    budget: int
    small_operations: int
    small_pools: int
    minimiser_runs: int


@define
class Cutter:
    """Cuts one divergence down.

    Attributes:
        subject: the machine.
        lockstep: the replay's, at given parameters; raises MachineError or TargetError for sizes that are not possible.
        make_target: makes what the trace is to be replayed on.
        cuts: how far.
        by_check: the failure shows only when everything is looked at.
        budget: operations left to run.
    """

    subject: Subject
    lockstep: Callable[[Parameters], Lockstep]
    make_target: Callable[[], Target]
    cuts: Cuts
    by_check: bool
    budget: int

    def shorten(self, trace: Trace) -> Trace:
        """The shortest trace found that fails in the same way; the given one when nothing shorter does."""
        if trace.failure is None:
            return trace
        best = trace.cut()
        if self.cuts.thorough:
            best = self._fewer_kinds(best)
        else:  # without what was refused, at least
            best = self._attempt(best, best.parameters, best.operations) or best
        while True:
            before = best
            best = self._fewer_records(self._fewer_operations(self._smaller_pools(best)))
            if best == before or self.budget <= 0 or not self.cuts.thorough:
                break
        return self._minimised(self._smaller_parameters(self._numbered(best)))

    def _attempt(self, best: Trace, parameters: Parameters, operations: tuple[Operation, ...]) -> Trace | None:
        """Run a candidate; None unless it fails alike. Operations that were refused are left out of the result."""
        if self.budget <= 0:
            return None
        try:
            lockstep = self.lockstep(parameters)
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
        if failure is None or not _alike(failure, best.failure):
            return None
        failure = evolve(failure, operation=len(kept) - 1)
        return evolve(best, parameters=parameters, operations=tuple(kept), failure=failure)

    def _fewer_kinds(self, best: Trace) -> Trace:
        """Without all operations of a name, where that does: questions, for instance, may be most of a replay."""
        for name in dict.fromkeys(operation.name for operation in best.operations[:-1]):
            others = (*(each for each in best.operations[:-1] if each.name != name), best.operations[-1])
            best = self._attempt(best, best.parameters, others) or best
        return best

    def _smaller_pools(self, best: Trace) -> Trace:
        """The smallest powers of two that still fail: small pools refuse most and so are quick to try."""
        for name, least in self.cuts.pools:
            best = self._smaller(best, name, least)
        return best

    def _smaller(self, best: Trace, name: str, least: int) -> Trace:
        for size in _sizes(least, best.parameters[name]):
            found = self._attempt(best, {**best.parameters, name: size}, best.operations)
            if found is not None:
                return found
        return best

    def _fewer_operations(self, best: Trace) -> Trace:
        """Without runs of operations that the failure does not need, long ones first."""
        size = len(best.operations) // 2
        while size >= 1:
            start = 0
            while start < len(best.operations):
                rest = best.operations[:start] + best.operations[start + size :]
                found = self._attempt(best, best.parameters, rest)
                if found is not None and len(found.operations) < len(best.operations):
                    best = found
                else:
                    start += size
            size //= 2
        return best

    def _fewer_records(self, best: Trace) -> Trace:
        """Lists of records, such as the requests of a batch, without those that the failure does not need."""
        shapes = self.subject.make_shapes(best.parameters)
        for index in reversed(range(len(best.operations))):
            for name, shape in shapes[best.operations[index].name].items() if index < len(best.operations) else ():
                if isinstance(shape, Run) and isinstance(shape.inner, Fields):
                    best = self._fewer_of(best, index, name)
        return best

    def _fewer_of(self, best: Trace, index: int, name: str) -> Trace:
        position = 0
        while index < len(best.operations):
            operation = best.operations[index]
            records = operation.arguments.get(name, ())
            if not position < len(records) > 1:
                break
            fewer = edits.with_value(operation, (name,), records[:position] + records[position + 1 :])
            changed = (*best.operations[:index], fewer, *best.operations[index + 1 :])
            found = self._attempt(best, best.parameters, changed)
            if found is None:
                position += 1
            else:
                best = found
        return best

    def _numbered(self, best: Trace) -> Trace:
        """Indices numbered by first appearance: a service has thousands of tokens, and a failure is of a few."""
        operations = edits.numbered(best.operations, self.subject.make_shapes(best.parameters))
        self.budget = max(self.budget, len(operations))
        return self._attempt(best, best.parameters, operations) or best

    def _smaller_parameters(self, best: Trace) -> Trace:
        """All parameters no larger than they need be, to the next power of two; of a small trace alone."""
        for name, value in best.parameters.items() if self._is_small(best) else ():
            for size in _sizes(0, value):
                parameters = {**best.parameters, name: size}
                if self._fits(parameters, best.operations):
                    self.budget = max(self.budget, len(best.operations))
                    found = self._attempt(best, parameters, best.operations)
                    if found is not None:
                        best = found
                        break
        return best

    def _fits(self, parameters: Parameters, operations: tuple[Operation, ...]) -> bool:
        """Whether all arguments are what the machine has at these sizes."""
        try:
            shapes = self.subject.make_shapes(parameters)
        except MachineError:
            return False
        return all(edits.fits(operation, shapes) for operation in operations)

    def _is_small(self, trace: Trace) -> bool:
        pools = sum(trace.parameters[name] for name, _ in self.cuts.pools)
        return len(trace.operations) <= self.cuts.small_operations and pools <= self.cuts.small_pools

    def _minimised(self, best: Trace) -> Trace:
        """What the minimiser makes of a small trace; one that is not, or that whole states do not show, is left."""
        if not self._is_small(best):
            return best
        for mode in MODES:  # the replay's device had an order of its own: one that fails too is looked for
            operations, failure = self._run_whole(best, Pace(mode))
            if failure is not None:
                minimiser = Minimiser(self.subject, self.make_target, budget=self.cuts.minimiser_runs)
                short = minimiser.minimise(best.parameters, operations, failure)
                return evolve(best, parameters=short.parameters, operations=short.operations, failure=short.failure)
        return best

    def _run_whole(self, trace: Trace, pace: Pace) -> tuple[tuple[Operation, ...], Failure | None]:
        """Lockstep that compares whole states: the operations with what completed during each, and the failure."""
        done: list[Operation] = []
        with Lockstep(self.subject, self.make_target(), trace.parameters) as lockstep:
            failure = lockstep.initial()
            for operation in trace.operations:
                if failure is not None:
                    break
                failure = lockstep.apply(operation, pace)
                done.append(lockstep.operation)
        return tuple(done), failure


def _alike(one: Failure, other: Failure | None) -> bool:
    """The same oracle objects to the same thing; at which operation may differ once others are left out."""
    return other is not None and one.fingerprint.split(":")[:2] == other.fingerprint.split(":")[:2]


def _sizes(first: int, below: int) -> Iterator[int]:
    size = first
    while size < below:
        yield size
        size = size * 2 or 1
