"""Replays on the block manager: their sizes, and all that belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.looks import Touched
from kvproof.fuzz.shell.options import check_sizes
from kvproof.fuzz.shrinking.cutting import Cuts
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import HarnessError
from kvproof.fuzz.targets.block_manager import BlockManagerTarget, ManagerFactory, simulated_device
from kvproof.fuzz.workload.block_manager.jobs import Job, jobs_of
from kvproof.fuzz.workload.block_manager.schedule import Pace
from kvproof.fuzz.workload.block_manager.scheduler import Scheduler
from kvproof.fuzz.workload.block_manager.tally import ORACLES, Lookups
from kvproof.fuzz.workload.block_manager.target import ReplayTarget
from kvproof.fuzz.workload.block_manager.touched import TouchedBlocks
from kvproof.fuzz.workload.replay import Manager, Replay
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
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


CUTS = Cuts(
    pools=(("primary_blocks", 1), ("secondary_blocks", 0)),
    thorough=True,
    budget=20_000,
    small_operations=60,
    small_pools=64,
    minimiser_runs=1_500,
)
"""The budget is a minute at the pace of a replay."""


def managed(subject: Subject, make_manager: ManagerFactory = BlockManager) -> Manager:
    """A block manager to replay on."""
    return Manager(
        subject,
        partial(BlockManagerTarget, simulated_device, make_manager),
        partial(ReplayTarget, make_manager),
        TouchedBlocks,
        CUTS,
        ORACLES,
    )


def prepare(
    requests: Sequence[Request],
    subject: Subject,
    primary: int,
    secondary: int,
    check_every: int = CHECK_EVERY,
    make_manager: ManagerFactory = BlockManager,
) -> Replay:
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
) -> Replay:
    """A run of any jobs, ready to execute.

    Raises:
        HarnessError: the parameters are not allowed.
    """
    target, touched = ReplayTarget(make_manager), TouchedBlocks(parameters)
    lockstep = Lockstep(subject, target, parameters, looks=Touched(touched, check_every))
    scheduler = Scheduler(jobs, parameters, pace, lambda: target.free_counts()[0])
    lookups = Lookups(target, scheduler.counts, touched.promise, parameters["tokens_per_block"])
    return Replay(managed(subject, make_manager), lockstep, scheduler, lookups, len(jobs))


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
