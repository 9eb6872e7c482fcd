"""Layouts: where a block's bytes are, and which pitched copies move them."""

from __future__ import annotations

from random import Random
from typing import Any

import numpy as np
import pytest

from kvproof.impl.device import Layout, Piece, Pool, Span

BLOCK_FIRST = Pool(layer_bytes=4, layers=3)
LAYER_FIRST = Pool(layer_bytes=4, layers=3, layer_first=True)


def test_block_has_the_bytes_of_all_its_pools() -> None:
    assert Layout((2, 3), [BLOCK_FIRST, Pool(8)]).block_bytes == 12 + 8


@pytest.mark.parametrize("pool", [BLOCK_FIRST, LAYER_FIRST])
def test_pool_has_memory_for_the_slots_of_each_level(pool: Pool) -> None:
    layout = Layout((2, 3), [pool])
    assert [layout.pool_bytes(0, level) for level in (0, 1)] == [2 * 12, 3 * 12]


def test_layers_of_a_block_first_slot_lie_side_by_side() -> None:
    layout = Layout((2, 3), [BLOCK_FIRST])
    assert (layout.offset(0, 0, 1), layout.pitch(0, 0), layout.pitch(0, 1)) == (12, 4, 4)


def test_layers_of_a_layer_first_slot_are_as_far_apart_as_the_level_has_slots() -> None:
    layout = Layout((2, 3), [LAYER_FIRST])
    assert (layout.offset(0, 0, 1), layout.pitch(0, 0), layout.pitch(0, 1)) == (4, 2 * 4, 3 * 4)


@pytest.mark.parametrize("pool", [BLOCK_FIRST, LAYER_FIRST])
@pytest.mark.parametrize("level", [0, 1])
def test_every_byte_belongs_to_one_slot(pool: Pool, level: int) -> None:
    layout = Layout((2, 3), [pool])
    owners = [layout.slot_at(0, level, offset) for offset in range(layout.pool_bytes(0, level))]
    for slot in range(layout.slots[level]):
        spans = layout.spans(level, slot)
        mine = [byte for span in spans for byte in range(span.offset, span.offset + span.size)]
        assert [byte for byte, owner in enumerate(owners) if owner == slot] == sorted(mine)


def test_side_by_side_layers_are_one_row() -> None:
    layout = Layout((2, 3), [BLOCK_FIRST])
    assert layout.pieces([(0, 1, 1, 2)], []) == [[Piece(0, 0, 12, 1, 24, 12, 1, 4, 4)]]


def test_layer_first_rows_have_a_pitch_for_each_level() -> None:
    layout = Layout((2, 3), [LAYER_FIRST])
    assert layout.pieces([(0, 1, 1, 2)], []) == [[Piece(0, 0, 4, 1, 8, 4, 3, 8, 12)]]


def test_layer_first_rows_of_a_single_slot_are_still_apart_on_the_other_level() -> None:
    layout = Layout((1, 3), [LAYER_FIRST])
    assert layout.pieces([(0, 0, 1, 2)], []) == [[Piece(0, 0, 0, 1, 8, 4, 3, 4, 12)]]


def test_beginning_is_the_first_tokens_of_every_layer() -> None:
    layout = Layout((2, 3), [BLOCK_FIRST], tokens_per_block=2)
    assert layout.pieces([], [(1, 0, 0, 1, 1)]) == [[Piece(0, 1, 0, 0, 12, 2, 3, 4, 4)]]


def test_each_pool_has_a_list_of_its_own() -> None:
    layout = Layout((2, 3), [BLOCK_FIRST, Pool(8)])
    assert [[piece.row_bytes for piece in pieces] for pieces in layout.pieces([(0, 0, 1, 0)], [])] == [[12], [8]]


def test_span_of_a_block_first_pool_is_one_range() -> None:
    assert Layout((2, 3), [BLOCK_FIRST]).spans(0, 1) == [Span(0, 12, 12)]


def test_span_of_a_layer_first_pool_is_a_range_a_layer() -> None:
    assert Layout((2, 3), [LAYER_FIRST]).spans(1, 1) == [Span(0, 4, 4), Span(0, 16, 4), Span(0, 28, 4)]


def test_part_of_the_image_may_cross_layers_and_pools() -> None:
    layout = Layout((2, 2), [LAYER_FIRST, Pool(8)])
    assert layout.spans(0, 1, 6, 14) == [Span(0, 14, 2), Span(0, 20, 4), Span(1, 8, 2)]


def test_empty_part_of_the_image_has_no_spans() -> None:
    assert Layout((2, 2), [LAYER_FIRST]).spans(0, 0, 5, 5) == []


@pytest.mark.parametrize("seed", range(10))
def test_pieces_move_the_image(seed: int) -> None:
    rng = Random(seed)
    pools = [Pool(4 * rng.randint(1, 3), rng.randint(1, 3), rng.random() < 0.5) for _ in range(rng.randint(1, 3))]
    layout = Layout((3, 4), pools, tokens_per_block=4)
    memory = [
        [np.frombuffer(rng.randbytes(layout.pool_bytes(pool, level)), np.uint8).copy() for level in (0, 1)]
        for pool in range(len(pools))
    ]

    def image(level: int, slot: int) -> bytes:
        return b"".join(
            memory[s.pool][level][s.offset : s.offset + s.size].tobytes() for s in layout.spans(level, slot)
        )

    tokens = rng.randint(1, 4)
    before = image(0, 2), image(1, 3)
    for pool, pieces in enumerate(layout.pieces([], [(0, 2, 1, 3, tokens)])):
        for piece in pieces:
            for row in range(piece.rows):
                source = piece.source_offset + row * piece.source_pitch
                target = piece.target_offset + row * piece.target_pitch
                data = memory[pool][0][source : source + piece.row_bytes]
                memory[pool][1][target : target + piece.row_bytes] = data
    expected, place = b"", 0
    for shape in pools:
        for _ in range(shape.layers):
            part = tokens * shape.layer_bytes // 4
            expected += before[0][place : place + part] + before[1][place + part : place + shape.layer_bytes]
            place += shape.layer_bytes
    assert (image(0, 2), image(1, 3)) == (before[0], expected)


@pytest.mark.parametrize(("arguments", "message"), [((0,), "layer_bytes"), ((4, 0), "layers")])
def test_pool_of_no_size_is_an_error(arguments: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=rf"Pool\.{message}: needs at least 1, got 0"):
        Pool(*arguments)


@pytest.mark.parametrize(("arguments", "message"), [((8.0,), "layer_bytes"), ((4, "2"), "layers")])
def test_pool_of_a_size_that_is_no_whole_number_is_an_error(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(TypeError, match=rf"Pool\.{message}: needs a whole number, got {arguments[-1]!r}"):
        Pool(*arguments)


def test_no_pools_are_an_error() -> None:
    with pytest.raises(ValueError, match="device pools: there are none"):
        Layout((1, 1), [])


def test_block_of_no_tokens_is_an_error() -> None:
    with pytest.raises(ValueError, match="tokens_per_block: needs at least 1, got 0"):
        Layout((1, 1), [BLOCK_FIRST], 0)


def test_layer_that_tokens_do_not_divide_is_an_error() -> None:
    with pytest.raises(ValueError, match="device pool 1: a layer of 9 bytes is not a multiple of tokens_per_block, 2"):
        Layout((1, 1), [BLOCK_FIRST, Pool(9)], 2)
