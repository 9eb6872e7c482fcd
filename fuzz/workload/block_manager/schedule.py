"""The pace of the engine that a scheduler drives, and what became of its requests."""

from __future__ import annotations

from attrs import define, frozen


@frozen
class Pace:
    """Sizes and times of the engine.

    Attributes:
        budget: tokens that one iteration computes at most (max_num_tokens); 0 for no budget, and no chunks.
        iteration_ms: time of one iteration.
        prefill_ms: least time from a request's admission until it generates.
        tick_ms: time of one tick of the retention clock.
        decoders_per_token: so many generating requests take one token of the budget; 0 when they take none.
        stale_share: share of the iterations in which estimates are stale.
        seed: of the draw of these.
    """

    budget: int = 0
    iteration_ms: int = 30
    prefill_ms: int = 500
    tick_ms: int = 1_000
    decoders_per_token: int = 0
    stale_share: float = 0.0
    seed: int = 0


@define
class ScheduleCounts:
    """What became of the requests so far.

    Attributes:
        arrived: requests that have arrived.
        completed: requests served to their end.
        rejected: requests whose prompt the pool can never hold.
        starved: requests refused although nothing else ran.
        cut: completed requests whose output was cut because it outgrew the pool.
        waited: requests that were not admitted in the iteration of their arrival.
        waited_ms: time that these, and the preempted, spent waiting, in ms of the trace.
        longest_line: most requests waiting at once.
        preemptions: times that a running request lost its blocks for want of one more.
        most_live: most requests running at once.
        iterations: iterations in which something happened.
        stale: iterations with stale estimates.
        batches: batches added.
        largest_batch: most requests in one of them.
        chunks: chunks of prompts computed, the first ones included.
        clock_ms: time of the last iteration.
    """

    arrived: int = 0
    completed: int = 0
    rejected: int = 0
    starved: int = 0
    cut: int = 0
    waited: int = 0
    waited_ms: int = 0
    longest_line: int = 0
    preemptions: int = 0
    most_live: int = 0
    iterations: int = 0
    stale: int = 0
    batches: int = 0
    largest_batch: int = 0
    chunks: int = 0
    clock_ms: int = 0
