"""Partly filled blocks in the cache, and prompts that match a part of a block."""

from __future__ import annotations

import random
from typing import Any

import pytest
from pool_cases import Pool

from kvproof.impl.block_manager import Request
from kvproof.impl.block_manager.reuse_tree import ORDERED_FROM, ROOT, ReuseTree
from kvproof.impl.block_manager.tokens import Key


def pool_with(*prompts: list[int], **config: Any) -> Pool:
    pool = Pool(12, partial_reuse=True, tokens_per_block=4, **config)
    if prompts:  # all at once, so that none reuses another
        pool.batch(*[Request(number, prompt) for number, prompt in enumerate(prompts)])
    for number in range(len(prompts)):
        pool.manager.finish(number)
    return pool


def test_finish_caches_the_partly_filled_last_block() -> None:
    pool = pool_with([1, 2, 3, 4, 5])
    assert pool.inspection.cached_paths() == [(1, 2, 3, 4), (1, 2, 3, 4, 5)]


def test_finish_counts_the_partly_filled_block() -> None:
    pool = pool_with()
    pool.add(0, [1, 2, 3, 4, 5])
    assert pool.manager.finish(0) == 2


def test_store_leaves_the_partly_filled_block_out() -> None:
    pool = pool_with()
    pool.add(0, [1, 2, 3, 4, 5])
    assert pool.manager.store(0) == 1


def test_partly_filled_block_whose_key_is_taken_stays_private() -> None:
    pool = pool_with([1, 2, 3])
    pool.add(1, [7])
    pool.append(1, [8])
    assert pool.manager.finish(1) == 1
    pool.add(2, [7])
    pool.append(2, [8])
    assert pool.manager.finish(2) == 0


def test_longest_common_beginning_wins() -> None:
    pool = pool_with([1, 2, 9, 9], [1, 2, 3, 9])
    assert pool.add(5, [1, 2, 3, 4, 5]) == 3


def test_tie_goes_to_the_smallest_key() -> None:
    pool = pool_with([1, 2, 9, 9], [1, 2, 3], [1, 2, 8, 8])
    pool.add(5, [1, 2, 5, 5])
    assert sorted(pool.inspection.cached_paths()) == [(1, 2, 8, 8), (1, 2, 9, 9)]  # (1, 2, 3) was taken over


def test_last_token_of_the_prompt_is_not_matched_in_part() -> None:
    assert pool_with([1, 2, 3]).add(5, [1, 2, 3]) == 2


def test_prompt_of_one_token_matches_nothing() -> None:
    assert pool_with([1, 2, 3]).add(5, [1]) == 0


def test_whole_block_may_be_matched_in_part() -> None:
    assert pool_with([1, 2, 3, 4]).add(5, [1, 2, 3, 4]) == 3


def test_tail_is_sought_below_the_chain() -> None:
    pool = pool_with([1, 2, 3, 4, 5, 6, 7], [5, 6, 9])
    assert pool.add(5, [1, 2, 3, 4, 5, 6, 8]) == 6


def test_without_partial_reuse_only_whole_blocks_match() -> None:
    pool = Pool(4, tokens_per_block=4)
    pool.cache(0, [1, 2, 3, 4, 5])
    assert pool.inspection.cached_paths() == [(1, 2, 3, 4)]
    assert pool.add(1, [1, 2, 3, 9]) == 0


def test_without_copies_only_a_free_leaf_matches_in_part() -> None:
    pool = pool_with([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 9], copy_on_partial_reuse=False)
    assert pool.add(5, [1, 2, 3, 7, 7]) == 2  # of (1, 2, 9): (1, 2, 3, 4) has a child
    assert pool.add(6, [1, 2, 3, 7, 7]) == 0


def test_block_taken_in_place_is_cached_no_more() -> None:
    pool = pool_with([1, 2, 3])
    pool.add(5, [1, 2, 3, 4, 5])
    assert pool.inspection.cached_paths() == []
    pool.manager.finish(5)
    assert pool.wrong_contents() == []


def test_copied_block_stays_cached_with_its_bytes() -> None:
    pool = pool_with([1, 2, 3, 4, 5])
    assert pool.add(5, [1, 2, 3, 9]) == 3
    pool.manager.finish(5)
    assert (1, 2, 3, 4) in pool.inspection.cached_paths()
    assert pool.wrong_contents() == []
    assert pool.device.races == []


def test_estimate_counts_whole_blocks_only() -> None:
    pool = pool_with([1, 2, 3, 4, 5, 6, 7, 8])
    assert pool.manager.estimate([1, 2, 3, 4, 5, 6, 7, 8]) == 4  # the last token cannot be reused (#12404)
    assert pool.manager.estimate([1, 2, 3, 4, 5, 6, 7, 8, 9]) == 8


def test_partly_filled_block_can_be_offloaded_pinned_and_unpinned() -> None:
    pool = Pool(4, 2, partial_reuse=True)
    pool.cache(0, [1, 2, 3])
    pool.offload([1, 2, 3])
    assert pool.manager.pin([1, 2, 3]) == 2
    assert pool.manager.unpin([1, 2, 3]) == 2
    assert pool.wrong_contents() == []


def brute_force(keys: list[Key], wanted: Key) -> tuple[Key, int] | None:
    def shared(key: Key) -> int:
        return next(
            (i for i, (a, b) in enumerate(zip(key, wanted, strict=False)) if a != b), min(len(key), len(wanted))
        )

    found = [(-shared(key), key) for key in keys if shared(key)]
    return (min(found)[1], -min(found)[0]) if found else None


@pytest.mark.parametrize("children", [3, ORDERED_FROM - 1, ORDERED_FROM, 60])
def test_search_of_few_and_of_many_children_finds_the_same(children: int) -> None:
    rng = random.Random(children)
    for _ in range(200):
        keys = sorted({tuple(rng.randrange(4) for _ in range(rng.randrange(1, 5))) for _ in range(children)})
        rng.shuffle(keys)
        tree = ReuseTree(len(keys))
        for block, key in enumerate(keys):
            tree.attach(block, ROOT, key)
        tree.longest_prefix(ROOT, (0,))  # many children are in order from here on
        for block in rng.sample(range(len(keys)), len(keys) // 4):
            tree.detach(block)
            tree.attach(block, ROOT, keys[block])
        wanted = tuple(rng.randrange(4) for _ in range(rng.randrange(1, 5)))
        chosen = {block for block in range(len(keys)) if rng.random() < 0.5}
        for blocks, eligible in ((range(len(keys)), None), (chosen, chosen.__contains__)):
            found = tree.longest_prefix(ROOT, wanted, eligible)
            expected = brute_force([keys[block] for block in blocks], wanted)
            assert (found and (keys[found[0]], found[1])) == expected


def test_blocks_must_divide_into_tokens() -> None:
    with pytest.raises(ValueError, match=r"block_bytes: 8 is not a multiple of tokens_per_block, 3"):
        Pool(2, partial_reuse=True, tokens_per_block=3)
