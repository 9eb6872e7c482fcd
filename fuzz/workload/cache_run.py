"""One replay of a request trace through an executor of sequence caches: sizes, the loop, and what it came to."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, frozen

from kvproof.fuzz.shell.options import check_sizes
from kvproof.fuzz.subject import Parameters, Subject
from kvproof.fuzz.target import HarnessError, Operation, Refused, Returned
from kvproof.fuzz.targets.executor import ExecutorFactory
from kvproof.fuzz.workload.cache_jobs import CacheJob, cache_jobs, chunk_count
from kvproof.fuzz.workload.cache_lockstep import CacheLockstep
from kvproof.fuzz.workload.cache_service import CHUNK_MAX, Service
from kvproof.fuzz.workload.cache_target import ServiceTarget, random_group
from kvproof.fuzz.workload.replaying import Replay
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


@define
class CacheRun(Replay[CacheLockstep]):
    """A replay, while it runs and afterwards."""

    service: Service
    matched: int = 0
    """Blocks that were found when caches were created."""
    looked_up: int = 0
    """Full blocks that could have been."""
    moved_up: int = 0
    moved_down: int = 0
    scratch: int = 0
    """Scratch slots that caches took."""

    @property
    def source(self) -> Service:
        """See `Replay`."""
        return self.service

    @property
    def told(self) -> str:
        """See `Replay`."""
        return f"{self.moved_down:,} pages moved down"

    def apply(self, operation: Operation) -> None:
        """See `Replay`; the lockstep looks at everything when it is time to."""
        looks = self.lockstep.looks.observations
        self.failure = self.lockstep.apply(operation)
        self.found_by_check = self.failure is not None and self.lockstep.looks.observations > looks
        self._count(operation)

    def _count(self, operation: Operation) -> None:
        outcome = self.lockstep.outcome
        if isinstance(outcome, Refused):
            self.refuse(f"{operation.name}: {outcome.error}")
        elif outcome == Returned(False):
            self.refuse(f"{operation.name}: no room")
        for name, arguments in self.lockstep.step_log:
            if name == "migrate":
                self.moved_up += arguments[1] == 0
                self.moved_down += arguments[1] != 0
            elif name == "take_scratch":
                self.scratch += arguments[1]
            elif name == "open":
                self.looked_up += len(arguments[1])
            elif name == "seat":
                self.matched += arguments[2] // REPLAY_BLOCK_TOKENS


def prepare_caches(
    requests: Sequence[Request],
    subject: Subject,
    sizes: Sizes,
    check_every: int = CHECK_EVERY,
    make_executor: ExecutorFactory = Executor,
) -> CacheRun:
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
    jobs = cache_jobs(requests)
    largest = max(job.blocks for job in jobs) * (2 if sizes.drafts else 1)
    if largest > sizes.primary:
        raise HarnessError(
            f"primary: the largest request needs {largest} pages, {sizes.primary} are too few to compute it alone, and it "
            f"would wait for ever; give at least {largest}"
        )
    parameters = service_parameters(subject, jobs, sizes)
    target = ServiceTarget(make_executor, make_device=random_group)
    lockstep = CacheLockstep(subject, target, parameters, check_every)
    return CacheRun(lockstep, len(jobs), Service(jobs, parameters, target.look))


def service_parameters(subject: Subject, jobs: Sequence[CacheJob], sizes: Sizes) -> Parameters:
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
