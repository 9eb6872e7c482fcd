"""One replay of a request trace: sizes, the loop over the schedule's operations, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from attrs import define, field

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import HarnessError, Operation, Refused
from kvproof.fuzz.targets.block_manager import ManagerFactory
from kvproof.fuzz.trace import Trace
from kvproof.fuzz.workload.lockstep import WorkloadLockstep
from kvproof.fuzz.workload.request_trace import Request
from kvproof.fuzz.workload.schedule import RETENTION, Schedule
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS, TokenMapping
from kvproof.impl import BlockManager

CHECK_EVERY = 1000
"""Operations between two comparisons of whole states by default: some 20% of the time at 10,000 blocks."""


@define
class Lookups:
    """Prompt blocks looked up by the requests that were admitted, and where they were found.

    A request that was preempted looks its blocks up again when it comes back.
    """

    full_blocks: int = 0
    prompt_blocks: int = 0
    """As `full_blocks`, with the partly filled last block, which no cache of full blocks can have."""
    on_device: int = 0
    on_host: int = 0


@define
class WorkloadRun:
    """A replay, while it runs and afterwards."""

    lockstep: WorkloadLockstep
    schedule: Schedule
    requests: int
    check_every: int
    lookups: Lookups = field(factory=Lookups)
    refusals: dict[str, int] = field(factory=dict)
    failure: Failure | None = None
    found_by_check: bool = False
    """The failure was found by comparing whole states, perhaps some operations after it began."""
    interrupted: bool = False
    seconds: float = 0.0

    def execute(self, tick: Callable[[WorkloadRun], None] = lambda run: None) -> None:
        """Run until the trace ends, an oracle objects, or Ctrl-C; `tick` is called after each operation."""
        started = perf_counter()
        try:
            self._execute(tick)
        except KeyboardInterrupt:
            self.interrupted = True
        finally:
            self.seconds = perf_counter() - started

    def _execute(self, tick: Callable[[WorkloadRun], None]) -> None:
        lockstep, operations = self.lockstep, self.schedule.operations()
        operation: Operation | None = next(operations, None)
        while operation is not None:
            self._apply(operation)
            if self.failure is None and len(lockstep.operations) % self.check_every == 0:
                self.failure = lockstep.check()
                self.found_by_check = self.failure is not None
            tick(self)
            if self.failure is not None:
                return
            try:
                operation = operations.send(lockstep.outcome)
            except StopIteration:
                operation = None
        self.failure = lockstep.check()
        self.found_by_check = self.failure is not None

    def _apply(self, operation: Operation) -> None:
        counters, lookups = self.lockstep.counters, self.lookups
        device, host = counters.blocks_reused_primary, counters.blocks_reused_secondary
        self.failure = self.lockstep.apply(operation)
        outcome = self.lockstep.outcome
        if isinstance(outcome, Refused):
            name = f"{operation.name}: {outcome.error}"
            self.refusals[name] = self.refusals.get(name, 0) + 1
        elif operation.name == "add":
            tokens = len(operation.arguments["tokens"])
            lookups.full_blocks += tokens // REPLAY_BLOCK_TOKENS
            lookups.prompt_blocks += -(-tokens // REPLAY_BLOCK_TOKENS)
            lookups.on_device += counters.blocks_reused_primary - device
            lookups.on_host += counters.blocks_reused_secondary - host

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


def prepare(
    requests: Sequence[Request],
    subject: Subject,
    primary: int,
    secondary: int,
    check_every: int = CHECK_EVERY,
    make_manager: ManagerFactory = BlockManager,
) -> WorkloadRun:
    """A replay of `requests` on pools of `primary` and `secondary` blocks, ready to execute.

    Raises:
        HarnessError: the sizes are impossible, or no request fits the device pool.
    """
    for name, value, least in (("primary", primary, 1), ("secondary", secondary, 0)):
        if value < least:
            raise HarnessError(f"{name}: {value} blocks are impossible; give at least {least}")
    least = min(request.prompt_blocks for request in requests)
    if least > primary:
        raise HarnessError(
            f"primary: {primary} blocks are too few for every request of the trace, the smallest prompt needs {least}; "
            f"give at least {least}"
        )
    tokens = TokenMapping(requests)
    parameters = replay_parameters(subject, tokens, len(requests), primary, secondary)
    lockstep = WorkloadLockstep(subject, parameters, make_manager)
    return WorkloadRun(lockstep, Schedule(requests, tokens, parameters["sequences"]), len(requests), check_every)


def replay_parameters(
    subject: Subject, tokens: TokenMapping, requests: int, primary: int, secondary: int
) -> Parameters:
    """Sizes for a replay. There are never more live sequences than device blocks, as none reuses its last block."""
    return {
        **subject.defaults,
        "primary_blocks": primary,
        "secondary_blocks": secondary,
        "tokens_per_block": REPLAY_BLOCK_TOKENS,
        "sequences": min(primary, requests),
        "max_tokens": tokens.longest,
        "vocabulary": tokens.vocabulary,
        "priorities": 101,
        "default_priority": RETENTION,
        "offload_threshold": 30,
    }
