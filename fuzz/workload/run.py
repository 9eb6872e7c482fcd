"""One replay: sizes, the loop over the scheduler's operations, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field

from kvproof.fuzz.shell.options import check_sizes
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import HarnessError, Operation, Refused
from kvproof.fuzz.targets.block_manager import ManagerFactory
from kvproof.fuzz.workload.jobs import Job, jobs_of
from kvproof.fuzz.workload.lockstep import WorkloadLockstep
from kvproof.fuzz.workload.promise import READ_ONLY
from kvproof.fuzz.workload.replaying import Replay
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.schedule import Pace
from kvproof.fuzz.workload.scheduler import Scheduler
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS, TokenMapping
from kvproof.impl.block_manager import BlockManager

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
class WorkloadRun(Replay[WorkloadLockstep]):
    """A replay, while it runs and afterwards."""

    scheduler: Scheduler
    check_every: int
    lookups: Lookups = field(factory=Lookups)
    changes: int = 0
    """Operations that may change something: all but questions."""

    @property
    def source(self) -> Scheduler:
        """See `Replay`."""
        return self.scheduler

    @property
    def told(self) -> str:
        """See `Replay`."""
        return f"{self.lockstep.counters.blocks_offloaded:,} offloads"

    def apply(self, operation: Operation) -> None:
        """See `Replay`."""
        self.failure = self.lockstep.apply(operation)
        self._count(operation)
        is_change = operation.name not in READ_ONLY
        self.changes += is_change
        if self.failure is None and is_change and self.changes % self.check_every == 0:
            self.check()

    def _count(self, operation: Operation) -> None:
        outcome, size = self.lockstep.outcome, self.lockstep.parameters["tokens_per_block"]
        if isinstance(outcome, Refused):
            self.refuse(f"{operation.name}: {outcome.error}")
        elif operation.name == "add_batch":
            lookups, totals = self.lookups, outcome.value[-1]
            for request in operation.arguments["requests"]:
                lookups.full_blocks += len(request["tokens"]) // size
                lookups.prompt_blocks += -(-len(request["tokens"]) // size)
            lookups.on_device += totals["full"] - totals["onboarded"]
            lookups.on_host += totals["onboarded"]


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
    check_sizes("blocks", ("primary", primary, 1), ("secondary", secondary, 0))
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
    return WorkloadRun(lockstep, len(jobs), scheduler, check_every)


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
