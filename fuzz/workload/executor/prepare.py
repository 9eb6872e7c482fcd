"""Replays on an executor of sequence caches: their sizes, and all that belongs to one."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from attrs import frozen

from kvproof.fuzz.lockstep import Lockstep
from kvproof.fuzz.looks import Touched
from kvproof.fuzz.shell.options import LARGEST, check_sizes
from kvproof.fuzz.shrinking.cutting import Cuts
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import HarnessError
from kvproof.fuzz.targets.executor import ExecutorFactory, ExecutorTarget
from kvproof.fuzz.workload.executor.jobs import Job, chunk_count, jobs_of
from kvproof.fuzz.workload.executor.service import CHUNK_MAX, Service
from kvproof.fuzz.workload.executor.tally import ORACLES, PageCounts
from kvproof.fuzz.workload.executor.target import ReplayTarget
from kvproof.fuzz.workload.executor.touched import SumsOfCaches
from kvproof.fuzz.workload.replay import Manager, Replay
from kvproof.fuzz.workload.request_trace import Request
from kvproof.fuzz.workload.tokens import REPLAY_BLOCK_TOKENS
from kvproof.impl.executor import Delay, Executor

CHECK_EVERY = 500
"""Operations between two looks at everything by default."""

REQUESTS = 48
"""Requests that are in at a time, at most."""

ROWS = 32
"""Index rows: max_batch_size."""

BUDGET = 96
"""Tokens of one iteration: 48 blocks of 512. At four seconds an iteration, a little more than the recorded traces bring."""

DELAYS = {"none": Delay.NONE, "balance": Delay.BALANCE, "wait": Delay.WAIT}


@frozen
class Sizes:
    """Sizes of a replay, in pages of a block of 512 tokens; `window` in blocks, `states` in recurrent states.

    A window's pages have a pool of their own, half as large as that of full attention on each level.
    """

    primary: int
    secondary: int
    window: int = 0
    states: int = 0
    drafts: int = 0
    """Tokens that a draft model with caches of its own adds to each generated one; 0: there is none."""
    overlap: bool = True
    delay: str = "wait"


CUTS = Cuts(
    pools=(("primary_slots", 1), ("secondary_slots", 0)),
    thorough=False,
    budget=8_000,
    small_operations=80,
    small_pools=LARGEST,
    minimiser_runs=400,
)
"""The budget is a minute or two at the pace of a replay."""


def managed(subject: Subject, make_executor: ExecutorFactory = Executor) -> Manager:
    """An executor to replay on."""
    return Manager(
        subject,
        partial(ExecutorTarget, make_executor),
        partial(ReplayTarget, make_executor),
        lambda parameters: SumsOfCaches(),
        CUTS,
        ORACLES,
    )


def prepare(
    requests: Sequence[Request],
    subject: Subject,
    sizes: Sizes,
    check_every: int = CHECK_EVERY,
    make_executor: ExecutorFactory = Executor,
) -> Replay:
    """A replay of `requests`, ready to execute.

    Raises:
        HarnessError: the sizes are impossible, or the largest request does not fit the device pool.
    """
    check_sizes("pages", ("primary", sizes.primary, 2), ("secondary", sizes.secondary, 0))
    check_sizes("blocks", ("window", sizes.window, 0))
    check_sizes("states", ("states", sizes.states, 0))
    if sizes.drafts >= BUDGET:
        raise HarnessError(
            f"drafts: {sizes.drafts} tokens and the one that they follow are more than the {BUDGET} of an iteration, so "
            f"nothing would be generated; give at most {BUDGET - 1}"
        )
    if sizes.drafts and sizes.states:
        raise HarnessError("drafts: what is rejected cannot be taken out of a recurrent state; leave one of them out")
    jobs = jobs_of(requests)
    largest = max(job.blocks for job in jobs) * (2 if sizes.drafts else 1)
    if largest > sizes.primary:
        raise HarnessError(
            f"primary: the largest request needs {largest} pages, {sizes.primary} are too few to compute it alone, and it "
            f"would wait for ever; give at least {largest}"
        )
    parameters = service_parameters(subject, jobs, sizes)
    target = ReplayTarget(make_executor)
    lockstep = Lockstep(subject, target, parameters, looks=Touched(SumsOfCaches(), check_every))
    service = Service(jobs, parameters, target.look)
    return Replay(managed(subject, make_executor), lockstep, service, PageCounts(service.counts), len(jobs))


def service_parameters(subject: Subject, jobs: Sequence[Job], sizes: Sizes) -> Parameters:
    """Sizes of the machine for a replay of these jobs."""
    return {
        **dict.fromkeys(subject.defaults, 0),
        "primary_slots": sizes.primary,
        "secondary_slots": sizes.secondary,
        "window_tokens": sizes.window * REPLAY_BLOCK_TOKENS,
        "sink_blocks": 1 if sizes.window else 0,
        "window_primary": -(-sizes.primary // 2) if sizes.window else 0,
        "window_secondary": sizes.secondary // 2 if sizes.window else 0,
        "scratch_share": 4 if sizes.window else 0,
        "rewind": 2 * (1 + sizes.drafts) if sizes.window else 0,
        "state_primary": sizes.states,
        "state_secondary": 2 * sizes.states,
        "chunks": chunk_count(jobs) * (2 if sizes.drafts else 1),
        "draft_model": int(sizes.drafts > 0),
        "draft_tokens": sizes.drafts,
        "tokens_per_block": REPLAY_BLOCK_TOKENS,
        "blocks_max": max(job.blocks for job in jobs) + 1 + sizes.drafts,
        "priorities": 1,
        "gate_percent": 97,
        "requests": min(REQUESTS, len(jobs)),
        "rows": min(ROWS, len(jobs)),
        "max_tokens": BUDGET,
        "overlap": int(sizes.overlap),
        "delay": int(DELAYS[sizes.delay]),
        "delay_passes": 3,
        "timeout_passes": 5,
        "wait_tokens": BUDGET // 2,
        "attended_max": BUDGET * CHUNK_MAX,
    }
