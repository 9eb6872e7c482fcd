"""What goes into which iteration, and what full pools and short budgets do to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from workload_cases import generated, request

from kvproof.fuzz.target import Operation, Outcome, Refused, Returned
from kvproof.fuzz.workload.block_manager.jobs import Job, Stage, jobs_of
from kvproof.fuzz.workload.block_manager.schedule import Pace
from kvproof.fuzz.workload.block_manager.scheduler import Scheduler
from kvproof.fuzz.workload.request_trace import Request
from kvproof.fuzz.workload.tokens import TokenMapping

SIZE = 2


class FakePool:
    """Counts blocks and tokens, and promises no reuse unless it is told to."""

    def __init__(self, blocks: int, promised: int = 0) -> None:
        self.blocks = blocks
        self.promised = promised
        self.live: dict[int, int] = {}
        self.computed: dict[int, int] = {}
        self.refuse_next_batch: str | None = None

    def free(self) -> int:
        return self.blocks - sum(blocks(length) for length in self.live.values())

    def __call__(self, operation: Operation) -> Outcome:
        answer: Outcome = getattr(self, operation.name)(**operation.arguments)
        return answer

    def estimate(self, tokens: tuple[int, ...]) -> Outcome:
        return Returned(self.reused(tokens))

    def reused(self, tokens: tuple[int, ...]) -> int:
        return min(self.promised, (len(tokens) - 1) // SIZE * SIZE)

    def blocks_needed(self, tokens: tuple[int, ...]) -> Outcome:
        return Returned(blocks(len(tokens)))

    def add_batch(self, requests: tuple[dict[str, Any], ...], budget: int) -> Outcome:
        if self.refuse_next_batch is not None:
            refusal, self.refuse_next_batch = self.refuse_next_batch, None
            return Refused(refusal)
        lengths = [len(each["tokens"]) for each in requests]
        if max(map(blocks, lengths)) > self.blocks:
            return Refused("prompt-exceeds-pool")
        if sum(map(blocks, lengths)) > self.free():
            return Refused("no-free-blocks")
        results = []
        for each, length in zip(requests, lengths, strict=True):
            assert each["sequence"] not in self.live
            reused = self.reused(each["tokens"])
            self.live[each["sequence"]] = length
            self.computed[each["sequence"]] = ended(reused, each["chunk"], length)
            results.append({"computed": self.computed[each["sequence"]], "reused": reused})
        assert not budget or sum(each["computed"] - each["reused"] for each in results) <= budget
        return Returned((*results, {}))

    def prefill(self, sequence: int, chunk: int) -> Outcome:
        self.computed[sequence] = ended(self.computed[sequence], chunk, self.live[sequence])
        return Returned(self.computed[sequence])

    def append(self, sequence: int, tokens: tuple[int, ...]) -> Outcome:
        assert self.computed[sequence] == self.live[sequence]
        length = self.live[sequence] + len(tokens)
        if blocks(length) > self.blocks:
            return Refused("prompt-exceeds-pool")
        if blocks(length) - blocks(self.live[sequence]) > self.free():
            return Refused("no-free-blocks")
        self.live[sequence] = self.computed[sequence] = length
        return Returned(0)

    def rewind(self, sequence: int, count: int) -> Outcome:
        self.live[sequence] -= count
        self.computed[sequence] -= count
        return Returned(0)

    def store(self, sequence: int) -> Outcome:
        assert sequence in self.live
        return Returned(0)

    def finish(self, sequence: int) -> Outcome:
        del self.live[sequence]
        return Returned(0)

    def refresh(self, elapsed: int) -> Outcome:
        return Returned(elapsed)


def blocks(length: int) -> int:
    return -(-length // SIZE)


def ended(start: int, chunk: int, length: int) -> int:
    return length if not chunk or start + chunk >= length else (start + chunk) // SIZE * SIZE


Told = list[tuple[int, Operation]]


def run(
    jobs: list[Job],
    pool: FakePool,
    look: Callable[[Operation], None] = lambda operation: None,
    **pace: Any,
) -> tuple[Scheduler, Told]:
    """The scheduler and, for each operation, its time and itself."""
    has_budget = pace.get("budget", 0) > 0
    parameters = {
        "tokens_per_block": SIZE,
        "primary_blocks": pool.blocks,
        "batch_max": 3,
        "sequences": 100,
        "duration_max": 4,
        "budget_max": 10_000 if has_budget else 0,
    }
    scheduler = Scheduler(jobs, parameters, Pace(**pace), pool.free)
    operations = scheduler.operations()
    told: Told = []
    operation = next(operations, None)
    while operation is not None:
        told.append((scheduler.counts.clock_ms, operation))
        look(operation)
        try:
            operation = operations.send(pool(operation))
        except StopIteration:
            operation = None
    return scheduler, told


def trace(requests: list[Request]) -> list[Job]:
    return jobs_of(requests, TokenMapping(requests))


def tokens(count: int) -> tuple[int, ...]:
    return tuple(range(count))


def names(told: Told) -> list[str]:
    return [operation.name for _, operation in told if operation.name != "refresh"]


def timed(told: Told, *wanted: str) -> list[tuple[int, str]]:
    return [(time, operation.name) for time, operation in told if operation.name in wanted]


def batches(told: Told) -> list[tuple[dict[str, Any], ...]]:
    return [operation.arguments["requests"] for _, operation in told if operation.name == "add_batch"]


def lengths(told: Told) -> list[list[int]]:
    return [[len(each["tokens"]) for each in batch] for batch in batches(told)]


def test_a_request_is_estimated_added_stored_and_finished() -> None:
    _, told = run(trace([request(1000, (0, 1), output=10)]), FakePool(9))

    assert names(told) == ["estimate", "blocks_needed", "add_batch", "store", "finish"]
    assert timed(told, "add_batch", "store", "finish") == [(1000, "add_batch"), (1030, "store"), (1800, "finish")]


def test_output_is_appended_when_it_needs_a_new_block() -> None:
    _, told = run(trace([request(0, (0,), partial=500, output=600)]), FakePool(9))

    appended = 500 + 30 * 13
    assert timed(told, "append", "finish") == [
        (appended, "append"),
        (appended + 30 * 512, "append"),
        (500 + 30 * 600, "finish"),
    ]


def test_what_arrives_together_is_added_together_up_to_the_largest_batch() -> None:
    _, told = run([Job(0, tokens(2)) for _ in range(5)], FakePool(9))

    assert [len(batch) for batch in batches(told)] == [3, 2]
    assert [each["sequence"] for batch in batches(told) for each in batch] == [0, 1, 2, 3, 4]


def test_all_of_a_batch_is_estimated_before_it_and_nothing_comes_between() -> None:
    _, told = run([Job(0, tokens(2), (Stage(1, tokens(3)),)), *(Job(60, tokens(2)) for _ in range(2))], FakePool(9))

    last = max(index for index, name in enumerate(names(told)) if name == "add_batch")
    assert names(told)[last - 4 : last] == ["estimate", "blocks_needed"] * 2


def test_a_batch_stays_within_the_token_budget() -> None:
    _, told = run([Job(0, tokens(4)) for _ in range(3)], FakePool(9), budget=8)

    assert lengths(told) == [[4, 4], [4]]


def test_what_is_reused_is_not_charged() -> None:
    _, told = run([Job(0, tokens(4)) for _ in range(3)], FakePool(9, promised=2), budget=6)

    assert lengths(told) == [[4, 4, 4]]
    assert [each["estimated"] for each in batches(told)[0]] == [2, 2, 2]


def test_a_long_prompt_is_computed_in_chunks_and_stored_after_each() -> None:
    scheduler, told = run([Job(0, tokens(9))], FakePool(9), budget=4)

    assert names(told)[2:] == ["add_batch", "store", "prefill", "store", "prefill", "store", "finish"]
    assert [operation.arguments["chunk"] for _, operation in told if operation.name == "prefill"] == [4, 0]
    assert scheduler.counts.chunks == 3


def test_a_job_may_limit_its_chunks() -> None:
    _, told = run([Job(0, tokens(9), chunk_limit=5)], FakePool(9), budget=20)

    assert batches(told)[0][0]["chunk"] == 5
    assert [operation.arguments["chunk"] for _, operation in told if operation.name == "prefill"] == [0]


def test_prompts_that_are_being_computed_come_before_new_ones() -> None:
    _, told = run([Job(0, tokens(9)), Job(30, tokens(3))], FakePool(9), budget=4)

    assert timed(told, "add_batch", "prefill") == [
        (0, "add_batch"),
        (30, "prefill"),
        (60, "prefill"),
        (60, "add_batch"),
    ]


def test_generating_requests_take_their_part_of_the_budget() -> None:
    jobs = [Job(0, tokens(2), end_ms=1000), Job(600, tokens(6))]
    _, told = run(jobs, FakePool(9), budget=6, decoders_per_token=1)

    assert [operation.arguments["budget"] for _, operation in told if operation.name == "add_batch"] == [6, 5]
    assert batches(told)[1][0]["chunk"] == 5


def test_without_a_budget_prompts_are_computed_whole() -> None:
    _, told = run([Job(0, tokens(9))], FakePool(9, promised=2))

    asked = batches(told)[0][0]
    assert (asked["chunk"], asked["estimated"]) == (0, 0)


def test_generation_begins_when_a_late_prefill_ends() -> None:
    _, told = run([Job(0, tokens(9), end_ms=100)], FakePool(9), budget=4, prefill_ms=20)

    assert timed(told, "prefill", "finish")[-2:] == [(60, "prefill"), (190, "finish")]


def test_rejected_drafts_are_taken_back() -> None:
    stages = (Stage(1, tokens(3), rejected=2), Stage(1, tokens(1)))
    _, told = run([Job(0, tokens(2), stages)], FakePool(9))

    assert names(told)[-4:] == ["append", "rewind", "append", "finish"]
    assert told[-3][1].arguments["count"] == 2


def test_the_retention_clock_moves_with_the_time_and_never_by_more_than_any_duration() -> None:
    _, told = run([Job(0, tokens(2), end_ms=100), Job(20_000, tokens(2))], FakePool(9), tick_ms=100)

    assert [operation.arguments["elapsed"] for _, operation in told if operation.name == "refresh"][:2] == [4, 4]


def test_the_wishes_of_a_job_are_those_of_its_request() -> None:
    wish = {"start": 0, "end": 2, "priority": 7, "duration": 1}
    _, told = run([Job(0, tokens(2), ranges=(wish,), decode_priority=3, decode_duration=2)], FakePool(9))

    asked = batches(told)[0][0]
    assert (asked["ranges"], asked["decode_priority"], asked["decode_duration"]) == ((wish,), 3, 2)


def test_whoever_finds_no_blocks_waits_first_come_first_served() -> None:
    requests = [request(0, (0, 1, 2)), request(1, (3, 4, 5)), request(2, (6,)), request(3, (7, 8, 9))]
    scheduler, told = run(trace(requests), FakePool(4))
    counts = scheduler.counts

    assert (counts.waited, counts.completed, counts.longest_line) == (3, 4, 3)
    # the third would fit at once, but the second came first
    assert [len(batch) for batch in batches(told)] == [1, 2, 1]
    assert timed(told, "add_batch") == [(0, "add_batch"), (800, "add_batch"), (1600, "add_batch")]
    assert counts.waited_ms == (800 - 30) * 2 + (1600 - 30)


def test_the_line_is_not_asked_again_before_a_request_ends() -> None:
    _, told = run(trace([request(0, (0, 1, 2), output=500), request(0, (3, 4, 5))]), FakePool(4))

    assert names(told).count("estimate") == 3


def test_a_refused_append_preempts_and_the_request_comes_back_with_its_output() -> None:
    requests = [request(0, (0,), partial=400, output=200), request(0, (1,), partial=400, output=300)]
    scheduler, told = run(trace(requests), FakePool(3))
    counts = scheduler.counts

    assert (counts.preemptions, counts.completed) == (1, 2)
    refused = 500 + 30 * 113
    assert timed(told, "append", "finish")[:3] == [(refused, "append"), (refused, "append"), (refused, "finish")]
    back = 500 + 30 * 200
    assert timed(told, "add_batch")[-1] == (back, "add_batch")
    # 300 output tokens from the start again: nothing that fills a block had been kept
    assert told[-1][0] == back + 500 + 30 * 300


def test_who_comes_back_has_what_was_kept_as_its_prompt() -> None:
    stages = (Stage(1, (7, 8, 9), rejected=2), Stage(1, tokens(9)))
    _, told = run([Job(0, (0, 1), stages), Job(0, (0, 1), (Stage(600, (5, 5)),))], FakePool(6))

    assert batches(told)[-1][0]["tokens"] == (0, 1, 7)


def test_a_prompt_that_exceeds_the_pool_is_rejected_for_good() -> None:
    scheduler, told = run([Job(0, tokens(9)), Job(0, tokens(3))], FakePool(3))

    assert (scheduler.counts.rejected, scheduler.counts.completed) == (1, 1)
    assert lengths(told) == [[9], [3]]


def test_output_that_outgrows_the_pool_is_cut() -> None:
    scheduler, _ = run([Job(0, tokens(3), (Stage(1, tokens(9)),))], FakePool(2))

    assert (scheduler.counts.cut, scheduler.counts.completed) == (1, 1)


class Cautious(FakePool):
    """Needs, it says, one block more than there are."""

    def blocks_needed(self, tokens: tuple[int, ...]) -> Outcome:
        return Returned(self.blocks + 1)


def test_when_nothing_runs_the_first_is_added_whatever_it_needs() -> None:
    scheduler, told = run([Job(0, tokens(3)), Job(0, tokens(3))], Cautious(4))

    assert scheduler.counts.completed == 2
    assert lengths(told) == [[3], [3]]


def test_who_is_refused_alone_is_given_up() -> None:
    pool = FakePool(4)
    pool.refuse_next_batch = "no-free-blocks"
    scheduler, _ = run([Job(0, tokens(3)), Job(99, tokens(3))], pool)

    assert (scheduler.counts.starved, scheduler.counts.completed) == (1, 1)


@pytest.mark.parametrize("refusal", ["no-free-blocks", "over-token-budget"])
def test_a_refused_batch_of_stale_estimates_waits_and_is_estimated_afresh(refusal: str) -> None:
    pool = FakePool(4)
    pool.refuse_next_batch = refusal
    scheduler, told = run([Job(0, tokens(3))], pool, stale_share=1.0, budget=8)

    assert (scheduler.counts.starved, scheduler.counts.completed) == (0, 1)
    assert names(told)[:6] == ["estimate", "blocks_needed", "add_batch", "estimate", "blocks_needed", "add_batch"]


def test_with_stale_estimates_other_operations_come_between() -> None:
    jobs = [Job(0, tokens(2), end_ms=10), Job(510, tokens(2))]
    _, told = run(jobs, FakePool(9), stale_share=1.0)

    assert names(told)[-6:] == ["estimate", "blocks_needed", "finish", "add_batch", "store", "finish"]


def test_an_old_estimate_is_not_asked_for_again() -> None:
    jobs = [Job(0, tokens(7)), Job(0, tokens(7))]
    _, told = run(jobs, FakePool(4), stale_share=1.0)

    assert names(told).count("estimate") == 2


def test_the_share_of_stale_iterations_is_as_stated_and_the_same_for_a_seed() -> None:
    jobs = [Job(at * 40, tokens(2)) for at in range(400)]
    counts = [run(jobs, FakePool(99), stale_share=0.25, seed=seed)[0].counts.stale for seed in (0, 0, 1)]

    assert counts[0] == counts[1] != counts[2]
    assert all(80 <= count <= 120 for count in counts)


def test_every_request_ends_in_every_pool() -> None:
    jobs = trace(generated(120, seed=3))
    for size in (20, 60, 400):
        for pace in ({"budget": 32}, {"budget": 32, "stale_share": 0.5}, {}):
            counts = run(jobs, FakePool(size), **pace)[0].counts
            assert counts.arrived == counts.completed + counts.rejected == 120


def test_the_same_jobs_give_the_same_operations() -> None:
    jobs = trace(generated(60))

    assert run(jobs, FakePool(60), stale_share=0.5)[1] == run(list(jobs), FakePool(60), stale_share=0.5)[1]
