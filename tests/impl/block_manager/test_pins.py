"""Pins keep whole paths where they are."""

from __future__ import annotations

from pool_cases import Pool

from kvproof.fuzz.bugs.planting import plant
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.device import Level


def pinned_pool(manager_type: type[BlockManager] = BlockManager) -> Pool:
    pool = Pool(3, 1, manager_type=manager_type)
    pool.cache(0, [1, 2, 3, 4])
    pool.manager.pin([1, 2, 3, 4])
    return pool


def test_pin_returns_the_number_of_blocks() -> None:
    pool = Pool(3)
    pool.cache(0, [1, 2, 3, 4])
    assert pool.manager.pin([1, 2, 3, 4]) == 2


def test_pinned_blocks_are_not_victims() -> None:
    pool = pinned_pool()
    assert pool.victims() == [(0, None)]
    assert pool.refusal("add_sequence", 1, [5, 6, 7]).reason == "no-free-blocks"


def test_pin_leaves_a_host_block_where_it_is() -> None:
    pool = Pool(2, 1)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    pool.manager.pin([1, 2])
    assert pool.level_of((1, 2)) is Level.SECONDARY


def test_pinned_host_block_is_onboarded_when_it_is_reused() -> None:
    pool = Pool(2, 1)
    pool.cache(0, [1, 2])
    pool.offload([1, 2])
    pool.manager.pin([1, 2])
    assert pool.add(1, [1, 2, 3]) == 2
    assert pool.level_of((1, 2)) is Level.PRIMARY
    assert pool.wrong_contents() == []


def test_unpin_makes_the_blocks_free_again_last_first() -> None:
    pool = pinned_pool()
    assert pool.manager.unpin([1, 2, 3, 4]) == 2
    assert pool.victims() == [(0, None), (35, (1, 2, 3, 4)), (35, (1, 2))]


def test_unpin_of_a_block_in_use_only_takes_the_pin() -> None:
    pool = pinned_pool()
    pool.add(1, [1, 2, 9])
    pool.manager.unpin([1, 2, 3, 4])
    assert [(b.references, b.pins) for b in pool.inspection.in_use() if b.path == (1, 2)] == [(1, 0)]


def test_beginning_of_a_pinned_path_cannot_be_unpinned() -> None:
    assert pinned_pool().refusal("unpin", [1, 2]).reason == "not-pinned"


def test_each_pin_of_a_shared_beginning_counts() -> None:
    pool = pinned_pool()
    pool.manager.pin([1, 2])
    found = {block.path: (block.pins, block.pinned) for block in pool.inspection.in_use()}
    assert found == {(1, 2): (2, 1), (1, 2, 3, 4): (1, 1)}


def test_unpin_without_a_pin_is_refused() -> None:
    pool = Pool(2)
    pool.cache(0, [1, 2])
    assert pool.refusal("unpin", [1, 2]).reason == "not-pinned"


def test_pin_and_unpin_of_what_is_not_cached_are_refused() -> None:
    for operation in ("pin", "unpin"):
        assert Pool(2).refusal(operation, [1, 2]).reason == "not-cached"


def test_pin_beyond_the_limit_is_refused() -> None:
    pool = Pool(3, pins_max=2)
    pool.cache(0, [1, 2, 3, 4])
    pool.manager.pin([1, 2])
    pool.manager.pin([1, 2])
    assert pool.refusal("pin", [1, 2, 3, 4]).reason == "pin-limit"


def test_pin_without_claim_is_noticed_at_the_bookkeeping() -> None:
    class PinsWithoutClaim(CachedPaths):
        def hold(self, block: int) -> None:
            """The bug of #12667."""

    planted = plant(BlockManager, parts={CachedPaths: PinsWithoutClaim})
    assert any("queued: True" in fault for fault in pinned_pool(planted).inspection.check())
