"""One replay: sizes, the loop over the scheduler's operations, and what it came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from time import perf_counter

from attrs import define, field

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import HarnessError, Operation, Refused
from kvproof.fuzz.targets.block_manager import ManagerFactory
from kvproof.fuzz.trace import Trace
from kvproof.fuzz.workload.jobs import Job, jobs_of
from kvproof.fuzz.workload.lockstep import WorkloadLockstep
from kvproof.fuzz.workload.promise import READ_ONLY
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.schedule import Pace
from kvproof.fuzz.workload.scheduler import Scheduler
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS, TokenMapping
from kvproof.impl import BlockManager

CHECK_EVERY = 1500
"""Changes between two comparisons of whole states by default: some 20% of the time at 10,000 blocks."""

RETENTION = 35
"""Retention priority of every block: TensorRT-LLM's default, which is worth offloading. Traces name none."""

BATCH_MAX = 16
"""Most requests of a batch."""

BUDGET = 16
"""Blocks of 512 tokens that an iteration computes: TensorRT-LLM's default max_num_tokens is 8,192. At 30 ms an iteration
the largest prompt of the recorded traces, alone, takes the half second that the traces' README gives every prompt."""

STALE_SHARE = 0.1
"""Share of the iterations in which estimates are stale."""

TRACE_PACE = Pace(
    budget=BUDGET * REPLAY_BLOCK_TOKENS,
    decoders_per_token=BLOCK_TOKENS // REPLAY_BLOCK_TOKENS,
    stale_share=STALE_SHARE,
)
"""As fast as the traces' README says: the defaults of `Pace`. A generated token is one 256th of a replayed one."""


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
    scheduler: Scheduler
    requests: int
    check_every: int
    lookups: Lookups = field(factory=Lookups)
    refusals: dict[str, int] = field(factory=dict)
    failure: Failure | None = None
    found_by_check: bool = False
    """The failure was found by comparing whole states, perhaps some operations after it began."""
    interrupted: bool = False
    seconds: float = 0.0
    changes: int = 0
    """Operations that may change something: all but questions."""

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
        lockstep, operations = self.lockstep, self.scheduler.operations()
        operation: Operation | None = next(operations, None)
        while operation is not None:
            self._apply(operation)
            is_change = operation.name not in READ_ONLY
            self.changes += is_change
            if self.failure is None and is_change and self.changes % self.check_every == 0:
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
        self.failure = self.lockstep.apply(operation)
        outcome, size = self.lockstep.outcome, self.lockstep.parameters["tokens_per_block"]
        if isinstance(outcome, Refused):
            name = f"{operation.name}: {outcome.error}"
            self.refusals[name] = self.refusals.get(name, 0) + 1
        elif operation.name == "add_batch":
            lookups, totals = self.lookups, outcome.value[-1]
            for request in operation.arguments["requests"]:
                lookups.full_blocks += len(request["tokens"]) // size
                lookups.prompt_blocks += -(-len(request["tokens"]) // size)
            lookups.on_device += totals["full"] - totals["onboarded"]
            lookups.on_host += totals["onboarded"]

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
    return prepare_jobs(jobs_of(requests, tokens), subject, parameters, TRACE_PACE, check_every, make_manager)


def prepare_jobs(
    jobs: Sequence[Job],
    subject: Subject,
    parameters: Parameters,
    pace: Pace,
    check_every: int = CHECK_EVERY,
    make_manager: ManagerFactory = BlockManager,
) -> WorkloadRun:
    """A run of any jobs, ready to execute.

    Raises:
        HarnessError: the parameters are not allowed.
    """
    lockstep = WorkloadLockstep(subject, parameters, make_manager)
    scheduler = Scheduler(jobs, parameters, pace, lockstep.free_blocks)
    return WorkloadRun(lockstep, scheduler, len(jobs), check_every)


def replay_parameters(
    subject: Subject, tokens: TokenMapping, requests: int, primary: int, secondary: int
) -> Parameters:
    """Sizes for a replay. There are never more live sequences than device blocks, as none reuses its last block.

    An estimate may be as long as a prompt, so that is how large a budget the machine has to allow.
    """
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
        "pins_max": 1,
        "reuse": 1,
        "partial_reuse": 0,  # a trace names the content of whole blocks
        "copy_on_partial_reuse": 1,
        "batch_max": BATCH_MAX,
        "ranges_max": 1,
        "duration_max": 0,
        "budget_max": max(TRACE_PACE.budget, tokens.longest),
        "extra_ids": 1,
    }
