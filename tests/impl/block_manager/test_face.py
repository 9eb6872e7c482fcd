"""What an engine sees of the block manager, and that what is below can be used on its own."""

from __future__ import annotations

from pool_cases import Pool

from kvproof.impl.block_manager import PoolConfig, Request, RetentionRange
from kvproof.impl.block_manager.admission import AdmissionControl
from kvproof.impl.block_manager.allocation import Allocation
from kvproof.impl.block_manager.batch import BatchPhases
from kvproof.impl.block_manager.blocks import Blocks
from kvproof.impl.block_manager.budget import TokenBudget
from kvproof.impl.block_manager.counters import Counters
from kvproof.impl.block_manager.matching import PromptMatching
from kvproof.impl.block_manager.paths import CachedPaths
from kvproof.impl.block_manager.retention import BlockRetention
from kvproof.impl.block_manager.reuse_tree import ROOT
from kvproof.impl.block_manager.transfers import Transfers
from kvproof.impl.device import Level, SimulatedDevice

PUBLIC = {
    # what it was made of, and how it fares
    *("config", "device", "forward_streams", "counters", "free_counts", "used_counts", "drain_events", "snapshot"),
    # an iteration
    *("begin_iteration", "end_iteration", "upload_page_tables"),
    # admission
    *("estimate", "blocks_needed", "add_sequence", "add_sequence_batch"),
    # live sequences
    *("prefill", "append_tokens", "rewind", "store", "finish", "page_table", "block_count"),
    # what is cached
    *("offload", "pin", "unpin", "send_path", "release_subtree", "refresh"),
}

PARTS = (AdmissionControl, Allocation, BatchPhases, Blocks, BlockRetention, CachedPaths, PromptMatching, TokenBudget)


def pool(**sizes: int) -> Blocks:
    """Two device blocks and one host block of two tokens, with nothing above them."""
    config = PoolConfig(
        primary_blocks=2, secondary_blocks=1, tokens_per_block=2, block_bytes=8, max_sequence_tokens=8, **sizes
    )
    return Blocks(config, Transfers(SimulatedDevice(2, 1, 8)))


def cached(blocks: Blocks, *keys: tuple[int, ...]) -> Blocks:
    """Blocks 0, 1, ... are free and cached, each under the one before."""
    for block, key in enumerate(keys):
        blocks.step_claim(block)
        blocks.step_prioritise(block, 35, 0)
        blocks.step_attach(block, block - 1 if block else ROOT, key)
        blocks.step_release(block, False)
    return blocks


def test_the_face_shows_what_an_engine_calls_and_nothing_else() -> None:
    assert {name for name in dir(Pool(2).manager) if not name.startswith("_")} == PUBLIC


def test_no_part_is_a_kind_of_another() -> None:
    assert [part.__bases__ for part in PARTS] == [(object,)] * len(PARTS)


def test_allocation_alone_offloads_the_victim_to_the_first_host_block() -> None:
    blocks = cached(pool(), (1, 2), (3, 4))
    assert Allocation(blocks).take_free() == 2
    assert blocks.slot == [2, 1, 0]


def test_matching_alone_finds_the_chain() -> None:
    assert PromptMatching(cached(pool(), (1, 2), (3, 4))).match((1, 2, 3, 4, 5), [(1, 2), (3, 4)]) == ([0, 1], -1, 0)


def test_the_budget_alone_says_where_chunks_end() -> None:
    assert TokenBudget(4, Counters()).chunk_end(2, 7, 20) == 8


def test_retention_alone_lets_the_first_range_count() -> None:
    fresh, kept = BlockRetention(pool()).by_position((RetentionRange(0, 2, 7), RetentionRange(0, 4, 9)), 3)
    assert (fresh, kept) == ([(7, 0), (9, 0), (35, 0)], [(7, 0), (9, 0), (None, 0)])


def test_admission_alone_decides_without_changing_anything() -> None:
    blocks = cached(pool(), (1, 2))
    matching, retention = PromptMatching(blocks), BlockRetention(blocks)
    admission = AdmissionControl(blocks, matching, TokenBudget(2, blocks.counters), retention)
    before = list(blocks.queues.victims(Level.PRIMARY))
    (plan,) = admission.decide([Request(0, [1, 2, 3])], None)
    assert (plan.chain, plan.reused, plan.end) == ([0], 2, 3)
    assert (list(blocks.queues.victims(Level.PRIMARY)), blocks.sequences) == (before, {})


def test_paths_alone_pin_what_is_cached() -> None:
    blocks = cached(pool(), (1, 2), (3, 4))
    assert CachedPaths(blocks, Allocation(blocks), PromptMatching(blocks)).pin((1, 2, 3, 4)) == 2
    assert blocks.pins == [1, 1, 0]
