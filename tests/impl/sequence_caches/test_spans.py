"""Which blocks are stale, and which pass through scratch slots, at given lengths."""

from __future__ import annotations

from itertools import pairwise

import pytest
from cache_cases import make_config

from kvproof.impl.sequence_caches.spans import Spans


def spans(**sizes: int) -> Spans:
    return Spans(make_config(blocks_max=16, **sizes))


@pytest.mark.parametrize(("tokens", "blocks"), [(0, 0), (1, 1), (2, 1), (3, 2)])
def test_blocks_are_counted_up(tokens: int, blocks: int) -> None:
    assert spans().blocks(tokens) == blocks


def test_without_windows_nothing_is_stale_or_in_scratch() -> None:
    assert spans().stale(30) == (0, 0)
    assert spans().scratch(0, 30) == (0, 0)
    assert spans().scratch_slots(4) == 0


@pytest.mark.parametrize("window", range(1, 9))
@pytest.mark.parametrize("history", range(20))
def test_a_block_is_stale_once_the_next_token_sees_none_of_it(history: int, window: int) -> None:
    seen = {token // 2 for token in range(max(0, history - window + 1), history)}
    start, end = spans(window_tokens=window).stale(history)
    below = {ordinal for ordinal in range(16) if 2 * ordinal + 1 < history + 1 - window}
    assert set(range(start, end)) == below
    assert not seen & below


@pytest.mark.parametrize("history", range(20))
def test_sink_blocks_are_never_stale(history: int) -> None:
    start, end = spans(window_tokens=1, sink_blocks=3).stale(history)
    assert start == min(3, -(-history // 2))
    assert end >= start
    assert start == 3 or end == start


def test_stale_blocks_stay_stale() -> None:
    ranges = [set(range(*spans(window_tokens=3, sink_blocks=2).stale(history))) for history in range(30)]
    assert all(before <= after for before, after in pairwise(ranges))
    assert ranges[-1]


@pytest.mark.parametrize(
    ("history", "capacity", "rewind", "expected"),
    [
        (0, 12, 0, (0, 5)),  # the 5 blocks below token 11 will be stale
        (3, 12, 0, (2, 5)),  # of the blocks above what is computed
        (0, 12, 4, (0, 3)),  # the last 4 tokens may be taken back
        (0, 2, 9, (0, 0)),
        (12, 12, 0, (6, 6)),
    ],
)
def test_scratch_are_blocks_above_the_history_that_will_be_stale(
    history: int, capacity: int, rewind: int, expected: tuple[int, int]
) -> None:
    assert spans(window_tokens=2, scratch_share=1, rewind=rewind).scratch(history, capacity) == expected


def test_without_a_share_every_block_has_a_page() -> None:
    assert spans(window_tokens=2).scratch(0, 12) == (0, 0)


@pytest.mark.parametrize(("blocks", "slots"), [(0, 0), (1, 1), (3, 1), (4, 2)])
def test_so_many_blocks_share_a_scratch_slot(blocks: int, slots: int) -> None:
    assert spans(window_tokens=2, scratch_share=3).scratch_slots(blocks) == slots
