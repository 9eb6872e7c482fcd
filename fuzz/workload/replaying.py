"""What a replay on one manager has in common with that on another: the loop until an oracle objects, and the trace."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from time import perf_counter
from typing import Any, Generic, Protocol, TypeVar

from attrs import define, field

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import Operation
from kvproof.fuzz.trace import Trace


class Driven(Protocol):
    """A lockstep, as far as a replay uses it."""

    subject: Subject
    parameters: Parameters
    operations: list[Operation]
    """All operations so far."""
    outcome: Any
    """Of the last one, as the specification has it."""

    def check(self) -> Failure | None:
        """Look at everything."""


class Finished(Protocol):
    """How many requests have come to an end."""

    completed: int
    rejected: int


class Source(Protocol):
    """What draws the operations from a trace of requests."""

    counts: Any
    """A `Finished`, and what else is shown of it."""

    def operations(self) -> Any:
        """A generator of operations, each of which is sent its `Outcome`."""


@define
class Seconds:
    """Where the time went."""

    reference: float = 0.0
    implementation: float = 0.0
    validation: float = 0.0
    content: float = 0.0
    observations: float = 0.0


LockstepType = TypeVar("LockstepType", bound=Driven)


@define
class Replay(ABC, Generic[LockstepType]):
    """A replay, while it runs and afterwards."""

    lockstep: LockstepType
    requests: int
    refusals: dict[str, int] = field(factory=dict, init=False)
    """How often each operation was refused, by its name and the error."""
    failure: Failure | None = field(default=None, init=False)
    found_by_check: bool = field(default=False, init=False)
    """The failure was found by looking at everything, perhaps some operations after it began."""
    interrupted: bool = field(default=False, init=False)
    seconds: float = field(default=0.0, init=False)

    @property
    @abstractmethod
    def source(self) -> Source:
        """What draws the operations."""

    @property
    @abstractmethod
    def told(self) -> str:
        """How far it is, beside the operations and the requests."""

    @abstractmethod
    def apply(self, operation: Operation) -> None:
        """Perform one operation on all sides; sets `failure` and `found_by_check`."""

    @property
    def finished(self) -> int:
        """Requests that have come to an end."""
        counts: Finished = self.source.counts
        return counts.completed + counts.rejected

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
        operations = self.source.operations()
        operation: Operation | None = next(operations, None)
        while operation is not None:
            self.apply(operation)
            tick()
            if self.failure is not None:
                return
            try:
                operation = operations.send(self.lockstep.outcome)
            except StopIteration:
                operation = None
        self.check()

    def check(self) -> None:
        """Look at everything."""
        self.failure = self.lockstep.check()
        self.found_by_check = self.failure is not None

    def refuse(self, name: str) -> None:
        """Count a refusal."""
        self.refusals[name] = self.refusals.get(name, 0) + 1

    def trace(self, target: str | None) -> Trace:
        """The operations so far as a trace."""
        lockstep = self.lockstep
        return Trace(
            lockstep.subject.name,
            lockstep.subject.digest,
            target,
            lockstep.parameters,
            tuple(lockstep.operations),
            self.failure,
            None,
            "workload",
        )
