"""The order of operations, and what full pools do to it."""

from __future__ import annotations

from collections.abc import Callable

from workload_cases import generated, request

from kvproof.fuzz.target import Operation, Outcome, Refused, Returned
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request
from kvproof.fuzz.workload.schedule import PREFILL_MS, TOKEN_MS, Schedule, next_block_start, time_until
from kvproof.fuzz.workload.tokens import TokenMapping


class FakePool:
    """Counts blocks and nothing else: no reuse."""

    def __init__(self, blocks: int) -> None:
        self.blocks = blocks
        self.live: dict[int, int] = {}

    def __call__(self, operation: Operation) -> Outcome:
        sequence, tokens = operation.arguments["sequence"], len(operation.arguments.get("tokens", ()))
        if operation.name in ("add", "append"):
            before = self.live.get(sequence, 0)
            assert (operation.name == "add") == (sequence not in self.live)
            needed = -(-(before + tokens) // 2)
            used = sum(-(-length // 2) for length in self.live.values())
            if needed > self.blocks:
                return Refused("prompt-exceeds-pool")
            if needed - -(-before // 2) > self.blocks - used:
                return Refused("no-free-blocks")
            self.live[sequence] = before + tokens
        elif operation.name == "finish":
            del self.live[sequence]
        return Returned(0)


def run(requests: list[Request], pool: Callable[[Operation], Outcome]) -> tuple[Schedule, list[tuple[int, str]]]:
    """The schedule and, for each operation, its time and text."""
    schedule = Schedule(requests, TokenMapping(requests), 100)
    operations = schedule.operations()
    told = []
    operation = next(operations, None)
    while operation is not None:
        told.append((schedule.counts.clock_ms, f"{operation.name} {operation.arguments['sequence']}"))
        try:
            operation = operations.send(pool(operation))
        except StopIteration:
            operation = None
    return schedule, told


def test_a_request_is_added_stored_after_its_prefill_and_finished_at_its_end() -> None:
    _, told = run([request(1000, (0, 1), output=10)], FakePool(9))

    assert told == [(1000, "add 0"), (1500, "store 0"), (1800, "finish 0")]


def test_output_is_appended_when_it_needs_a_new_block() -> None:
    _, told = run([request(0, (0,), partial=500, output=600)], FakePool(9))

    appended = PREFILL_MS + TOKEN_MS * 13
    assert told[2:] == [
        (appended, "append 0"),
        (appended + TOKEN_MS * BLOCK_TOKENS, "append 0"),
        (PREFILL_MS + TOKEN_MS * 600, "finish 0"),
    ]


def test_a_last_token_that_fills_its_block_is_appended_at_the_end() -> None:
    _, told = run([request(0, (0,), partial=500, output=12)], FakePool(9))

    assert [text for _, text in told] == ["add 0", "store 0", "append 0", "finish 0"]


def test_appends_make_the_blocks_that_prompt_and_output_need() -> None:
    lengths: list[int] = []
    requests = [
        request(0, (0, 1, 2), partial=partial, output=output) for partial, output in ((1, 0), (512, 1), (77, 2000))
    ]
    for one in requests:
        pool = FakePool(99)

        def last(operation: Operation, pool: FakePool = pool) -> Outcome:
            if operation.name == "finish":
                lengths.append(pool.live[operation.arguments["sequence"]])
            return pool(operation)

        run([one], last)

    assert [-(-length // 2) for length in lengths] == [-(-one.total_length // BLOCK_TOKENS) for one in requests]
    assert [length // 2 for length in lengths] == [one.total_length // BLOCK_TOKENS for one in requests]


def test_at_one_moment_blocks_are_freed_before_newcomers_ask() -> None:
    end = time_until(BLOCK_TOKENS, BLOCK_TOKENS + 10)
    requests = [request(0, (0,), partial=512, output=10), request(end, (1,), partial=512, output=0)]
    schedule, told = run(requests, FakePool(2))

    assert (end, "finish 0") in told
    assert told.index((end, "finish 0")) < told.index((end, "add 0"))
    assert schedule.counts.waited == 0


def test_the_smallest_free_sequence_id_is_used_again() -> None:
    requests = [request(0, (0,)), request(0, (1,)), request(100_000, (2,))]
    _, told = run(requests, FakePool(9))

    assert [text for _, text in told if text.startswith("add")] == ["add 0", "add 1", "add 0"]


def test_whoever_finds_no_blocks_waits_first_come_first_served() -> None:
    requests = [request(0, (0, 1, 2)), request(1, (3, 4, 5)), request(2, (6,)), request(3, (7, 8, 9))]
    schedule, told = run(requests, FakePool(4))
    counts = schedule.counts

    assert (counts.waited, counts.completed, counts.longest_line) == (3, 4, 3)
    assert counts.waited_ms == (800 - 1) + (800 - 2) + (1600 - 3)
    # the third would fit at once, but the second came first
    assert [time for time, text in told if text.startswith("add")] == [0, 1, 800, 800, 800, 1600]


def test_a_refused_append_preempts_and_the_request_comes_back_with_its_output() -> None:
    requests = [request(0, (0,), partial=400, output=200), request(0, (1,), partial=400, output=300)]
    schedule, told = run(requests, FakePool(3))
    counts = schedule.counts

    assert (counts.preemptions, counts.completed) == (1, 2)
    refused = PREFILL_MS + TOKEN_MS * 113
    assert [text for time, text in told if time == refused] == ["append 0", "append 1", "finish 1"]
    back = PREFILL_MS + TOKEN_MS * 200
    assert (back, "add 0") in told
    # 300 output tokens from the start again: nothing that fills a block had been kept
    assert told[-1] == (back + PREFILL_MS + TOKEN_MS * 300, "finish 0")


def test_a_prompt_that_exceeds_the_pool_is_rejected_for_good() -> None:
    schedule, told = run([request(0, (0, 1, 2)), request(1, (3,))], FakePool(2))

    assert (schedule.counts.rejected, schedule.counts.completed) == (1, 1)
    assert [text for _, text in told] == ["add 0", "add 0", "store 0", "finish 0"]


def test_output_that_outgrows_the_pool_is_cut() -> None:
    schedule, _ = run([request(0, (0, 1), partial=400, output=500)], FakePool(2))

    assert (schedule.counts.cut, schedule.counts.completed) == (1, 1)


def test_every_request_ends_in_every_pool() -> None:
    requests = generated(120, seed=3)
    for blocks in (20, 60, 400):
        schedule, _ = run(requests, FakePool(blocks))
        counts = schedule.counts
        assert counts.arrived == counts.completed + counts.rejected == 120


def test_the_same_trace_gives_the_same_operations() -> None:
    requests = generated(60)

    assert run(requests, FakePool(60))[1] == run(list(requests), FakePool(60))[1]


def test_a_new_block_starts_behind_a_full_one() -> None:
    assert [next_block_start(length) for length in (1, 511, 512, 513)] == [513, 513, 513, 1025]
