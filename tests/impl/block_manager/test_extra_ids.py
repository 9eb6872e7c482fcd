"""Extra ids tell tokens apart that are otherwise equal."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager, Request, join_token, split_token
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.block_manager.reuse_tree import ReuseTree
from kvproof.impl.block_manager.tokens import TOKEN_MASK, Key


def cache(pool: Pool, sequence: int, tokens: list[int], extra_ids: list[int] | None) -> None:
    pool.batch(Request(sequence, tokens, extra_ids=extra_ids))
    pool.manager.finish(sequence)


def test_token_and_extra_id_come_apart_again() -> None:
    assert split_token(join_token(7, 3)) == (7, 3)
    assert split_token(join_token(TOKEN_MASK, TOKEN_MASK)) == (TOKEN_MASK, TOKEN_MASK)


def test_token_without_extra_id_is_itself() -> None:
    assert join_token(7, 0) == 7


def test_other_extra_ids_do_not_match() -> None:
    pool = Pool(6)
    cache(pool, 0, [1, 2], [5, 5])
    assert pool.manager.estimate([1, 2, 3], [5, 5, 0]) == 2
    assert pool.manager.estimate([1, 2, 3], [5, 6, 0]) == 0
    assert pool.manager.estimate([1, 2, 3]) == 0


def test_no_extra_ids_are_zeros() -> None:
    pool = Pool(6)
    cache(pool, 0, [1, 2], None)
    assert pool.manager.estimate([1, 2, 3], [0, 0, 9]) == 2


def test_part_of_a_block_matches_up_to_the_first_other_extra_id() -> None:
    pool = Pool(6, tokens_per_block=4, partial_reuse=True)
    cache(pool, 0, [1, 2, 3, 4], [5, 5, 5, 5])
    assert pool.batch(Request(1, [1, 2, 3, 4], extra_ids=[5, 5, 6, 5]))[0].reused == 2


def test_appended_tokens_carry_theirs() -> None:
    pool = Pool(6)
    pool.add(0, [1])
    pool.iterate("append_tokens", 0, [2], [5])
    pool.manager.finish(0)
    assert pool.manager.estimate([1, 2, 3], [0, 5, 0]) == 2


@pytest.mark.parametrize("operation", ["pin", "offload", "release_subtree"])
def test_paths_are_named_with_their_extra_ids(operation: str) -> None:
    pool = Pool(6, 1)
    cache(pool, 0, [1, 2, 3, 4], [5, 5, 0, 0])
    assert pool.refusal(operation, [1, 2, 3, 4]).reason == "not-cached"
    pool.iterate(operation, [1, 2, 3, 4], [5, 5, 0, 0])


def test_smallest_key_is_by_extra_id_first() -> None:
    pool = Pool(6, partial_reuse=True)
    pool.batch(Request(0, [7, 1], extra_ids=[0, 5]), Request(1, [7, 9], extra_ids=[0, 4]))
    pool.manager.finish(0)
    pool.manager.finish(1)
    pool.add(2, [7, 3])  # takes (7, 9) in place
    assert pool.inspection.cached_paths() == [(7, join_token(1, 5))]


WRONG: list[tuple[Callable[[Pool], object], str]] = [
    (lambda pool: pool.add(0, [-1]), "token ids: -1 is not among 0..4294967295"),
    (lambda pool: pool.add(0, [1, 1 << 32]), "token ids: 4294967296 is not among"),
    (lambda pool: pool.manager.add_sequence(0, [1], None, [1 << 32]), "extra ids: 4294967296 is not among"),
    (lambda pool: pool.manager.estimate([1, 2], [0]), "extra ids: 1 for 2 tokens"),
]


@pytest.mark.parametrize(("call", "message"), WRONG)
def test_id_out_of_range_is_an_error(call: Callable[[Pool], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call(Pool(2))


def test_pool_without_extra_ids_takes_none() -> None:
    with pytest.raises(ValueError, match=r"PoolConfig\.extra_ids is False"):
        Pool(2, extra_ids=False).manager.estimate([1], [0])


def test_pool_without_extra_ids_takes_any_token_id() -> None:
    pool = Pool(4, extra_ids=False)
    pool.cache(0, [1 << 40, 2])
    assert pool.add(1, [1 << 40, 2, 3]) == 2


def test_comparing_token_ids_alone_shares_foreign_data() -> None:
    class IgnoresExtras(ReuseTree):
        def common_prefix(self, key: Key, wanted: Key) -> int:
            return super().common_prefix(
                tuple(token & TOKEN_MASK for token in key), tuple(token & TOKEN_MASK for token in wanted)
            )

    for manager_type, reused in ((BlockManager, 0), (plant(BlockManager, parts={ReuseTree: IgnoresExtras}), 1)):
        pool = Pool(6, partial_reuse=True, manager_type=manager_type)
        cache(pool, 0, [1, 2], [5, 5])
        assert pool.batch(Request(1, [1, 2]))[0].reused == reused
        pool.manager.finish(1)
        assert (pool.wrong_contents() != []) is bool(reused)


def test_lookup_that_drops_extra_ids_never_finds_what_was_stored() -> None:
    class ForgetsExtras(CachedPaths):
        def path_keys(self, path: Key) -> list[Key]:
            return super().path_keys(tuple(token & TOKEN_MASK for token in path))  # M-24

    pool = Pool(6, manager_type=plant(BlockManager, parts={CachedPaths: ForgetsExtras}))
    cache(pool, 0, [1, 2], [5, 5])
    assert pool.refusal("pin", [1, 2], [5, 5]).reason == "not-cached"
