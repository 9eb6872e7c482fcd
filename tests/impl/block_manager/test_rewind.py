"""Taking tokens back."""

from __future__ import annotations

import pytest
from pool_cases import Pool

from kvproof.impl.block_manager import Request


def pool_with(tokens: list[int]) -> Pool:
    pool = Pool(6, chunked=True)
    pool.add(0, tokens)
    return pool


def test_rewind_lets_the_emptied_blocks_go() -> None:
    pool = pool_with([1, 2, 3, 4, 5])
    assert pool.rewind(0, 3) == 2
    assert pool.inspection.sequences()[0].tokens == (1, 2)
    assert pool.manager.block_count(0) == 1


def test_rewind_within_the_last_block_lets_none_go() -> None:
    pool = pool_with([1, 2, 3, 4])
    assert pool.rewind(0, 1) == 0


def test_rewind_drops_the_last_block_first() -> None:
    pool = pool_with([1, 2, 3, 4, 5])
    pool.steps.clear()
    pool.manager.rewind(0, 3)
    assert pool.steps == [
        ("drop", 0, 2),
        ("release", 2, True),
        ("drop", 0, 1),
        ("release", 1, True),
        ("truncate", 0, 2),
    ]


def test_cached_block_goes_to_the_front_of_its_queue() -> None:
    pool = pool_with([1, 2, 3, 4])
    pool.cache(1, [7, 7])
    pool.manager.store(0)
    pool.rewind(0, 2)
    assert pool.victims()[-2:] == [(35, (1, 2, 3, 4)), (35, (7, 7))]


def test_tokens_appended_after_a_rewind_are_stored_under_their_own_path() -> None:
    pool = pool_with([1, 2, 3, 4])
    pool.rewind(0, 1)
    pool.append(0, [9, 5])
    pool.manager.finish(0)
    assert pool.inspection.cached_paths() == [(1, 2), (1, 2, 3, 9)]
    assert pool.wrong_contents() == []


def test_block_that_another_sequence_has_is_not_released() -> None:
    pool = pool_with([1, 2, 3, 4])
    pool.manager.store(0)
    pool.add(1, [1, 2, 3, 4, 5])
    pool.rewind(0, 2)
    assert (35, (1, 2, 3, 4)) not in pool.victims()


def test_rewind_of_an_unknown_sequence_is_refused() -> None:
    assert Pool(2).refusal("rewind", 5, 0).reason == "unknown-sequence"


def test_rewind_of_nothing_is_refused_before_the_open_prefill() -> None:
    pool = Pool(6, chunked=True)
    pool.batch(Request(0, [1] * 4, chunk=2))
    assert pool.refusal("rewind", 0, 0).reason == "rewind-nothing"
    assert pool.refusal("rewind", 0, 9).reason == "prefill-incomplete"


def test_rewind_of_the_whole_sequence_is_refused() -> None:
    assert pool_with([1, 2, 3]).refusal("rewind", 0, 3).reason == "rewind-too-far"


def test_rewind_into_a_cached_block_is_refused() -> None:
    pool = pool_with([1, 2, 3, 4])
    pool.manager.store(0)
    assert pool.refusal("rewind", 0, 1).reason == "rewind-into-cached"
    assert pool.refusal("rewind", 0, 3).reason == "rewind-into-cached"
    assert pool.rewind(0, 2) == 1


def test_rewind_into_a_block_that_is_cached_no_more_is_allowed() -> None:
    pool = Pool(4)
    pool.add(0, [1, 2])
    pool.add(1, [1, 2, 3, 4])
    pool.manager.store(0)
    pool.manager.store(1)  # (1, 2, 3, 4), of sequence 1, hangs under (1, 2), of sequence 0
    pool.add(2, [1, 2, 3, 4, 5])
    pool.manager.finish(0)
    pool.rewind(2, 1)
    pool.manager.rewind(2, 2)
    pool.manager.finish(2)
    pool.add(3, [7] * 4)  # evicts (1, 2), and with it what hangs there
    assert [block.cached for block in pool.inspection.sequences()[1].blocks] == [False, False]
    assert pool.rewind(1, 1) == 0  # its own block again, and it may be written


def test_negative_count_is_an_error() -> None:
    with pytest.raises(ValueError, match="rewinding -1 tokens"):
        pool_with([1, 2]).manager.rewind(0, -1)
