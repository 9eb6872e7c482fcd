"""The observer sees each step as it takes effect, in the order that the vocabulary demands."""

from __future__ import annotations

from typing import Any

from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import STEPS, BlockManager
from kvproof.impl.block_manager.blocks import Blocks


def log_of(pool: Pool, operation: str, *arguments: Any) -> list[tuple[Any, ...]]:
    pool.steps.clear()
    getattr(pool.manager, operation)(*arguments)
    return pool.steps


def test_add_of_a_new_prompt() -> None:
    assert log_of(Pool(2), "add_sequence", 7, [1, 2, 3]) == [
        ("open_claims",),
        ("close_claims", ()),
        ("begin", 7, (1, 2, 3), 35, 0),
        ("claim", 0),
        ("prioritise", 0, 35, 0),
        ("acquire", 7, 0),
        ("claim", 1),
        ("prioritise", 1, 35, 0),
        ("acquire", 7, 1),
        ("reuse", 7, 0),
        ("write", 7, 0, 2),
        ("write", 7, 1, 3),
    ]


def test_append_writes_the_partial_block_before_it_takes_another() -> None:
    pool = Pool(2)
    pool.add(7, [1])
    assert log_of(pool, "append_tokens", 7, [2, 3]) == [
        ("extend", 7, (2, 3)),
        ("write", 7, 0, 2),
        ("claim", 1),
        ("prioritise", 1, 35, 0),
        ("acquire", 7, 1),
        ("write", 7, 1, 3),
    ]


def test_finish_stores_then_releases_the_last_block_first() -> None:
    pool = Pool(2)
    pool.add(7, [1, 2, 3, 4])
    assert log_of(pool, "finish", 7) == [
        ("attach", 0, None, (1, 2)),
        ("attach", 1, 0, (3, 4)),
        ("drop", 7, 1),
        ("release", 1, False),
        ("drop", 7, 0),
        ("release", 0, False),
        ("end", 7),
    ]


def test_release_of_an_unreachable_block_says_that_it_went_to_the_front() -> None:
    pool = Pool(2)
    pool.add(7, [1])
    assert ("release", 0, True) in log_of(pool, "finish", 7)


def test_offload_during_allocation_claims_both_before_the_swap() -> None:
    pool = Pool(1, 1)
    pool.cache(0, [1, 2])
    assert log_of(pool, "add_sequence", 1, [7, 8])[3:] == [
        ("claim", 0),
        ("claim", 1),
        ("copy", 0, 1, 2),
        ("swap", 0, 1),
        ("release", 0, False),
        ("prioritise", 1, 35, 0),
        ("acquire", 1, 1),
        ("reuse", 1, 0),
        ("write", 1, 0, 2),
    ]


def test_eviction_detaches_the_deepest_first() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2, 3, 4], 80)
    pool.cache(1, [1, 2, 9], 0)
    pool.cache(2, [7, 7], 90)
    assert log_of(pool, "add_sequence", 3, [5, 6])[3:10] == [
        ("claim", 1),
        ("detach", 1),
        ("release", 1, True),
        ("claim", 0),
        ("detach", 0),
        ("release", 0, True),
        ("claim", 0),
    ]


def test_all_matches_are_claimed_before_the_first_is_onboarded() -> None:
    pool = Pool(3, 2)
    pool.cache(0, [1, 2, 3, 4])
    pool.offload([1, 2, 3, 4])
    pool.offload([1, 2])
    names = [step[0] for step in log_of(pool, "add_sequence", 1, [1, 2, 3, 4, 5])]
    onboarding = ["claim", "copy", "swap", "release", "acquire"]
    assert names == [
        "open_claims",
        *("claim", "prioritise") * 2,
        "close_claims",
        "begin",
        *onboarding * 2,
        *("claim", "prioritise", "acquire"),
        *("reuse", "write"),
    ]


def test_explicit_offload() -> None:
    pool = Pool(1, 1)
    pool.cache(0, [1, 2])
    assert log_of(pool, "offload", [1, 2]) == [
        ("claim", 0),
        ("claim", 1),
        ("copy", 0, 1, 2),
        ("swap", 0, 1),
        ("release", 0, False),
        ("release", 1, True),
    ]


def test_pin_says_where_the_path_ends() -> None:
    pool = Pool(2)
    pool.cache(0, [1, 2, 3, 4])
    assert log_of(pool, "pin", [1, 2, 3, 4]) == [
        ("claim", 0),
        ("pin", 0, False),
        ("claim", 1),
        ("pin", 1, True),
    ]


def test_unpin_goes_from_the_end_of_the_path() -> None:
    pool = Pool(2)
    pool.cache(0, [1, 2, 3, 4])
    pool.manager.pin([1, 2, 3, 4])
    assert log_of(pool, "unpin", [1, 2, 3, 4]) == [
        ("unpin", 1, True),
        ("release", 1, False),
        ("unpin", 0, False),
        ("release", 0, False),
    ]


def test_override_of_a_step_is_reported_once() -> None:
    class CountsClaims(Blocks):
        claims = 0

        def step_claim(self, block: int) -> None:
            type(self).claims += 1
            super().step_claim(block)

    pool = Pool(2, manager_type=plant(BlockManager, parts={Blocks: CountsClaims}))
    pool.add(0, [1])
    assert (CountsClaims.claims, [step[0] for step in pool.steps].count("claim")) == (1, 1)


def test_without_an_observer_the_steps_are_the_plain_methods() -> None:
    pool = Pool(2)
    bare = BlockManager(pool.config, pool.device)
    assert not any(f"step_{name}" in vars(bare._blocks) for name in STEPS)
