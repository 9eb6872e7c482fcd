"""One replay of a trace of requests: the loop over what a service asks for, until an oracle objects, and the trace of it.

All that one manager's replays have of their own is a `Manager`; see the folders for those that there are.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from functools import partial
from time import perf_counter
from typing import Any, Protocol

from attrs import define, field, frozen
from rich.table import Table

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.looks import NEVER, Delta, Touched
from kvproof.fuzz.shrinking.cutting import Cuts, Cutter
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation, Outcome, Refused, Step, Target
from kvproof.fuzz.trace import Trace

Operations = Generator[Operation, Outcome, None]
"""Operations, each of which is sent its outcome."""


@frozen
class Manager:
    """What is replayed on, and how."""

    subject: Subject
    make_target: Callable[[], Target]
    """What a short trace is replayed on."""
    make_replayed: Callable[[], Target]
    """The same, at the pace of a replay."""
    make_delta: Callable[[Parameters], Delta]
    """What its operations touch."""
    cuts: Cuts
    """How far a divergence is cut down."""
    oracles: Mapping[str, str]
    """What is looked at, by the names under which lockstep counts it."""

    def lockstep(self, parameters: Parameters, check_every: int = NEVER) -> Lockstep:
        """A lockstep at the pace of a replay, which compares whole states every so many changes.

        Raises:
            MachineError, TargetError: these sizes are not possible.
        """
        looks = Touched(self.make_delta(parameters), check_every)
        return Lockstep(self.subject, self.make_replayed(), parameters, looks=looks)

    def shorten(self, trace: Trace, by_check: bool, budget: int | None = None) -> Trace:
        """The shortest trace found that fails in the same way, where `by_check` is needed to see that it does."""
        left = budget or self.cuts.budget
        return Cutter(self.subject, self.lockstep, self.make_target, self.cuts, by_check, left).shorten(trace)


class Service(Protocol):
    """What draws the operations from requests."""

    counts: Any
    """What became of the requests: `completed`, `rejected`, and more of each service's own."""

    def operations(self) -> Operations:
        """All of them."""


class Tally(Protocol):
    """What a replay's operations came to, as far as the service does not count it."""

    def count(self, operation: Operation, outcome: Outcome, steps: list[Step]) -> str | None:
        """One more operation; what it was denied, if it was denied anything that is no refusal."""

    def told(self) -> str:
        """How far it is, beside the operations and the requests."""

    def request_rows(self) -> Iterable[tuple[str, int | str]]:
        """What became of the requests, and how many times what."""

    def memory_table(self) -> Table:
        """What the memory was worth."""


@define
class Replay:
    """A replay, while it runs and afterwards."""

    manager: Manager
    lockstep: Lockstep
    service: Any
    """A `Service`, of which each manager has its own."""
    tally: Any
    """A `Tally`, of which each manager has its own."""
    requests: int
    operations: list[Operation] = field(factory=list, init=False)
    """All operations so far."""
    refusals: dict[str, int] = field(factory=dict, init=False)
    """How often each operation was refused, by its name and the error."""
    failure: Failure | None = field(default=None, init=False)
    found_by_check: bool = field(default=False, init=False)
    """The failure was found by looking at everything, perhaps some operations after it began."""
    interrupted: bool = field(default=False, init=False)
    seconds: float = field(default=0.0, init=False)

    @property
    def finished(self) -> int:
        """Requests that have come to an end."""
        finished: int = self.service.counts.completed + self.service.counts.rejected
        return finished

    def execute(self, tick: Callable[[], None] = lambda: None) -> None:
        """Run until the trace ends, an oracle objects, or Ctrl-C; `tick` is called after each operation."""
        started = perf_counter()
        try:
            self._execute(tick)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.seconds = perf_counter() - started

    def _execute(self, tick: Callable[[], None]) -> None:
        operations: Operations = self.service.operations()
        operation: Operation | None = next(operations, None)
        while operation is not None:
            self._look(partial(self._apply, operation))
            tick()
            if self.failure is not None:
                return
            try:
                operation = operations.send(self.lockstep.outcome)
            except StopIteration:
                operation = None
        self._look(self.lockstep.check)

    def _look(self, look: Callable[[], Failure | None]) -> None:
        checks = self.lockstep.looked["observations"]
        self.failure = look()
        self.found_by_check = self.failure is not None and self.lockstep.looked["observations"] > checks

    def _apply(self, operation: Operation) -> Failure | None:
        self.operations.append(operation)
        failure, outcome = self.lockstep.apply(operation), self.lockstep.outcome
        denied = self.tally.count(operation, outcome, self.lockstep.step_log)
        if isinstance(outcome, Refused):
            denied = outcome.error
        if denied is not None:
            name = f"{operation.name}: {denied}"
            self.refusals[name] = self.refusals.get(name, 0) + 1
        return failure

    def trace(self, target: str | None) -> Trace:
        """The operations so far as a trace."""
        subject = self.manager.subject
        operations, parameters = tuple(self.operations), self.lockstep.parameters
        return Trace(subject.name, subject.digest, target, parameters, operations, self.failure, None, "workload")
