"""Adding, appending, storing and finishing: what is reused, what is refused, and that a refusal changes nothing."""

from __future__ import annotations

import pytest
from pool_cases import Pool

from kvproof.impl.block_manager import Refused


def test_first_prompt_reuses_nothing() -> None:
    assert Pool(4).add(0, [1, 2, 3]) == 0


def test_finished_prompt_is_reused_by_a_longer_one() -> None:
    pool = Pool(4)
    pool.cache(0, [1, 2, 3, 4])
    assert pool.add(1, [1, 2, 3, 4, 5]) == 4


def test_last_token_is_never_reused() -> None:
    pool = Pool(4)
    pool.cache(0, [1, 2, 3, 4])
    assert pool.add(1, [1, 2, 3, 4]) == 2


def test_stored_blocks_are_reused_while_their_sequence_lives() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2, 3])
    pool.manager.store(0)
    assert pool.add(1, [1, 2, 9]) == 2
    assert {(block.path, block.references) for block in pool.inspection.in_use()} == {((1, 2), 2), (None, 1)}


def test_partial_block_is_not_cached() -> None:
    pool = Pool(4)
    pool.cache(0, [1, 2, 3])
    assert pool.inspection.cached_paths() == [(1, 2)]


def test_duplicate_block_stays_private() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2])
    pool.add(1, [1, 2])
    assert pool.manager.store(0) == 1
    assert pool.manager.store(1) == 0


def test_block_under_another_sequences_duplicate_is_cached() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2])
    pool.add(1, [1, 2, 3, 4])
    pool.manager.store(0)
    assert pool.manager.store(1) == 1
    assert (1, 2, 3, 4) in pool.inspection.cached_paths()


def test_finish_queues_the_last_block_first() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2, 3, 4])
    assert pool.victims()[-2:] == [(35, (1, 2, 3, 4)), (35, (1, 2))]


def test_blocks_take_the_priority_of_their_last_claimer() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2, 3, 4], 80)
    pool.cache(1, [1, 2, 3], 40)
    assert (40, (1, 2)) in pool.victims()
    assert (80, (1, 2, 3, 4)) in pool.victims()


def test_priority_changes_also_for_a_block_in_use() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2, 3], 80)
    pool.manager.store(0)
    pool.add(1, [1, 2, 3], 10)
    assert {block.priority for block in pool.inspection.in_use() if block.path == (1, 2)} == {10}


def test_append_fills_the_partial_block_first() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2, 3])
    assert pool.append(0, [4]) == range(1, 2)
    assert pool.manager.block_count(0) == 2


def test_append_beyond_the_block_takes_another() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2, 3])
    assert pool.append(0, [4, 5]) == range(1, 3)
    assert pool.manager.block_count(0) == 3


def test_appended_tokens_are_cached() -> None:
    pool = Pool(3)
    pool.add(0, [1])
    pool.append(0, [2, 3, 4])
    assert pool.manager.finish(0) == 2
    assert sorted(pool.inspection.cached_paths()) == [(1, 2), (1, 2, 3, 4)]


def refused_add(pool: Pool, tokens: list[int], sequence: int = 9) -> Refused:
    return pool.refusal("add_sequence", sequence, tokens)


def test_live_sequence_is_refused() -> None:
    pool = Pool(3)
    pool.add(7, [1, 2, 3])
    refusal = refused_add(pool, [1], 7)
    assert refusal.reason == "sequence-in-use"
    assert str(refusal) == "sequence 7: is live with 3 tokens; finish it first"


def test_empty_prompt_is_refused() -> None:
    assert refused_add(Pool(3), []).reason == "empty-prompt"


def test_too_long_prompt_is_refused_before_its_size_is_compared_with_the_pool() -> None:
    assert refused_add(Pool(3, max_sequence_tokens=6), [1] * 7).reason == "sequence-too-long"


def test_prompt_beyond_the_pool_is_refused() -> None:
    refusal = refused_add(Pool(3), [1] * 7)
    assert refusal.reason == "prompt-exceeds-pool"
    assert str(refusal) == "sequence 9: needs 4 primary blocks, the pool has 3; shorten it"


def test_prompt_without_room_is_refused_with_the_numbers() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2, 3, 4])
    refusal = refused_add(pool, [5] * 5)
    assert refusal.reason == "no-free-blocks"
    assert str(refusal) == "sequence 9: needs 3 primary blocks, 2 are free; wait"


def test_free_blocks_that_match_do_not_count_twice() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2])
    pool.add(1, [8, 8])
    # One free block is the match itself, so two more would need two of the one that is left.
    assert refused_add(pool, [1, 2, 3, 4, 5]).reason == "no-free-blocks"


def test_host_blocks_that_match_need_a_primary_block_each() -> None:
    pool = Pool(2, 2)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    pool.add(1, [8, 8])
    assert refused_add(pool, [1, 2, 3]).reason == "no-free-blocks"


@pytest.mark.parametrize("operation", ["store", "finish"])
def test_unknown_sequence_is_refused(operation: str) -> None:
    assert Pool(2).refusal(operation, 5).reason == "unknown-sequence"


def test_append_to_an_unknown_sequence_is_refused() -> None:
    assert Pool(2).refusal("append_tokens", 5, []).reason == "unknown-sequence"


def append_refused(tokens: list[int], longest: int = 64) -> str:
    pool = Pool(3, max_sequence_tokens=longest)
    pool.add(0, [1, 2, 3])
    return pool.refusal("append_tokens", 0, tokens).reason


def test_empty_append_is_refused() -> None:
    assert append_refused([]) == "empty-append"


def test_append_beyond_the_longest_sequence_is_refused() -> None:
    assert append_refused([4, 5], longest=4) == "sequence-too-long"


def test_append_beyond_the_pool_is_refused() -> None:
    assert append_refused([4] * 4) == "prompt-exceeds-pool"


def test_append_without_room_is_refused() -> None:
    pool = Pool(3)
    pool.add(0, [1, 2])
    pool.add(1, [3, 4, 5])
    assert pool.refusal("append_tokens", 0, [6]).reason == "no-free-blocks"


def test_priority_outside_the_range_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"sequence 0: priority 101 is not among 0\.\.100"):
        Pool(2).manager.add_sequence(0, [1], 101)


def test_refusals_are_counted() -> None:
    pool = Pool(2)
    pool.refusal("finish", 5)
    assert pool.manager.counters.refusals == 1
