"""Token budgets, chunked prefill and the trim of what a batch would compute."""

from __future__ import annotations

from typing import Any

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, Request
from kvproof.impl.block_manager.budget import TokenBudget
from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.plan import Plan
from kvproof.impl.block_manager.sequences import LiveSequences


def chunked_pool(primary: int = 12, **config: Any) -> Pool:
    return Pool(primary, chunked=True, **config)


@pytest.mark.parametrize(
    ("chunk", "estimated", "remaining", "expected"),
    [
        (8, 0, 16, 8),
        (8, 4, 16, 8),  # reuse moves the chunk, and does not shorten it (M-51)
        (8, 8, 16, 8),
        (8, 9, 16, 7),
        (16, 4, 16, 12),
        (4, 20, 16, 0),
    ],
)
def test_charge(chunk: int, estimated: int, remaining: int, expected: int) -> None:
    assert TokenBudget(2, Counters()).charge(chunk, estimated, remaining) == expected


@pytest.mark.parametrize(("start", "chunk", "expected"), [(0, 3, 2), (1, 3, 4), (4, 2, 6), (3, 6, 9), (3, 5, 8)])
def test_chunk_ends_with_a_block_or_the_prompt(start: int, chunk: int, expected: int) -> None:
    assert TokenBudget(2, Counters()).chunk_end(start, chunk, 9) == expected


def test_cost_is_within_the_charge_when_the_estimate_is_met() -> None:
    budget = TokenBudget(2, Counters())
    for length in range(1, 15):
        for chunk in range(2, length + 1):
            for reused in range(length):
                for estimated in range(reused + 1):
                    cost = budget.chunk_end(reused, chunk, length) - reused
                    assert 0 < cost <= budget.charge(chunk, estimated, length)


def test_whole_prompt_is_prefilled_without_a_chunk() -> None:
    assert chunked_pool().batch(Request(0, [1] * 7))[0].computed == 7


def test_chunk_is_prefilled_up_to_a_block_end() -> None:
    pool = chunked_pool()
    assert pool.batch(Request(0, [1] * 7, chunk=3))[0].computed == 2
    assert pool.inspection.sequences()[0].computed == 2
    assert pool.manager.block_count(0) == 4


def test_chunk_that_ends_the_prompt_need_not_fill_a_block() -> None:
    assert chunked_pool().batch(Request(0, [1], chunk=1))[0].computed == 1


def test_prefill_goes_on_from_the_last_chunk() -> None:
    pool = chunked_pool()
    pool.batch(Request(0, [1, 2, 3, 4, 5, 6, 7], chunk=2))
    pool.steps.clear()
    assert pool.manager.prefill(0, 4) == 6
    assert pool.steps == [("write", 0, 1, 4), ("write", 0, 2, 6)]
    assert pool.manager.prefill(0) == 7


def test_prefill_from_within_a_block_writes_the_rest_of_it() -> None:
    pool = chunked_pool(partial_reuse=True)
    pool.cache(0, [1, 2, 3])
    assert pool.batch(Request(1, [1, 2, 3, 4, 5, 6, 7], chunk=2))[0].computed == 4
    assert ("write", 1, 1, 4) in pool.steps


def test_complete_prompt_has_no_further_prefill() -> None:
    pool = chunked_pool()
    pool.add(0, [1, 2, 3])
    assert pool.refusal("prefill", 0).reason == "prefill-complete"
    assert pool.refusal("prefill", 5).reason == "unknown-sequence"


def test_further_chunk_below_a_block_is_refused() -> None:
    pool = chunked_pool()
    pool.batch(Request(0, [1, 2, 3, 4, 5], chunk=2))
    assert pool.refusal("prefill", 0, 1).reason == "chunk-below-block"
    pool.manager.prefill(0, 2)
    assert pool.manager.prefill(0, 1) == 5  # it ends the prompt


def test_append_before_the_end_of_prefill_is_refused() -> None:
    pool = chunked_pool()
    pool.batch(Request(0, [1, 2, 3], chunk=2))
    assert pool.refusal("append_tokens", 0, [4]).reason == "prefill-incomplete"


def test_only_computed_blocks_are_stored() -> None:
    pool = chunked_pool()
    pool.batch(Request(0, [1, 2, 3, 4, 5, 6], chunk=4))
    assert pool.manager.store(0) == 2
    assert pool.manager.finish(0) == 0
    assert pool.wrong_contents() == []


def test_storing_what_is_not_computed_gives_others_garbage() -> None:
    class StoresAll(LiveSequences):
        def storable_blocks(self, live: Any) -> int:
            return len(live.tokens) // self._config.tokens_per_block

    pool = chunked_pool(manager_type=plant(BlockManager, parts={LiveSequences: StoresAll}))
    pool.batch(Request(0, [1, 2, 3, 4, 5, 6], chunk=4))  # M-55
    pool.manager.store(0)
    assert pool.wrong_contents() == [(1, 2, 3, 4, 5, 6)]


def test_batch_charged_more_than_its_budget_is_refused() -> None:
    pool = chunked_pool()
    requests = Request(0, [1] * 4), Request(1, [2] * 4, estimated=2)
    assert str(pool.refusal("add_sequence_batch", requests, 5)) == (
        "batch of 2: is charged 6 tokens, the budget has 5; leave requests out"
    )
    assert len(pool.batch(*requests, budget=6)) == 2


def test_end_is_trimmed_when_less_is_reused_than_estimated() -> None:
    pool = chunked_pool()
    assert [each.computed for each in pool.batch(Request(0, [1] * 8, estimated=4), budget=5)] == [4]


def test_last_request_is_trimmed_first() -> None:
    admitted = chunked_pool().batch(Request(0, [1] * 8, estimated=4), Request(1, [2] * 8, estimated=4), budget=12)
    assert [each.computed for each in admitted] == [8, 4]


def test_trim_leaves_each_request_the_rest_of_a_block() -> None:
    admitted = chunked_pool().batch(Request(0, [1] * 8, estimated=6), Request(1, [2] * 8, estimated=6), budget=7)
    assert [each.computed for each in admitted] == [4, 2]


def test_excess_that_cannot_be_trimmed_is_refused() -> None:
    requests = Request(0, [1] * 8, estimated=8), Request(1, [2] * 8, estimated=8)
    assert str(chunked_pool().refusal("add_sequence_batch", requests, 3)) == (
        "batch of 2: costs at least 4 tokens, the budget has 3; leave requests out"
    )


def test_trimmed_end_is_at_a_block_end_after_a_partial_match() -> None:
    pool = chunked_pool(partial_reuse=True)
    pool.cache(0, [1, 2, 3])
    admitted = pool.batch(Request(1, [1, 2, 3, 4, 5, 6, 7], estimated=6), budget=2)
    assert [(each.reused, each.computed) for each in admitted] == [(3, 4)]


def test_batch_without_the_trim_exceeds_its_budget() -> None:
    class NoTrim(TokenBudget):
        def trim_ends(self, plans: list[Plan], token_budget: int) -> None:
            """Trusts the estimate (M-53)."""

    for manager_type, expected in ((BlockManager, 4), (plant(BlockManager, parts={TokenBudget: NoTrim}), 8)):
        pool = chunked_pool(manager_type=manager_type)
        admitted = pool.batch(Request(0, [1] * 8, estimated=4), budget=4)
        assert sum(each.computed - each.reused for each in admitted) == expected
