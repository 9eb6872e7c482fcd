"""The radix tree of what is committed: what is matched, and what must not be left behind."""

from __future__ import annotations

import random

import pytest
from cache_cases import make_config

from kvproof.impl.refusals import ProtocolError
from kvproof.impl.sequence_caches import Kind
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, STATE, WINDOW
from kvproof.impl.sequence_caches.prefix_tree import Node, PrefixTree
from kvproof.impl.sequence_caches.spans import Spans


def tree(window: int = 0, sinks: int = 0, state: bool = False) -> PrefixTree:
    sizes = {"window_tokens": window, "sink_blocks": sinks} if window else {}
    return PrefixTree(Spans(make_config(blocks_max=12, **sizes)), 2, bool(window), state)


def chain(grown: PrefixTree, text: str, kinds: tuple[int, ...] = (FULL,)) -> list[Node]:
    """Blocks for the letters of a text, with a page of each of the kinds."""
    nodes, node = [], grown.root
    for page, letter in enumerate(text):
        for kind in kinds:
            below = grown.attach(10 * page + kind, kind, node, letter)
        node = below
        nodes.append(node)
    return nodes


def test_matches_the_longest_common_beginning() -> None:
    grown = tree()
    chain(grown, "abcd")
    assert [node.chunk for node in grown.match("abxd")] == ["a", "b"]
    assert grown.match("xbcd") == []
    assert len(grown.match("abcdef")) == 4


def test_a_node_knows_its_path() -> None:
    assert chain(tree(), "abc")[2].path() == ("a", "b", "c")


def test_a_match_needs_the_windows_that_are_still_seen() -> None:
    grown = tree(window=4)
    nodes = chain(grown, "abcdef", (FULL, WINDOW))
    grown.detach(nodes[4].pages[WINDOW], WINDOW, nodes[4])
    assert len(grown.match("abcdef")) == 4
    grown.detach(nodes[0].pages[WINDOW], WINDOW, nodes[0])
    assert len(grown.match("abcdef")) == 4  # block 0 is out of sight there


def test_a_match_needs_the_sink_blocks() -> None:
    grown = tree(window=2, sinks=1)
    nodes = chain(grown, "abcdef", (FULL, WINDOW))
    assert len(grown.match("abcdef")) == 6
    grown.detach(nodes[0].pages[WINDOW], WINDOW, nodes[0])
    assert grown.match("abcdef") == []


def test_a_match_ends_behind_a_snapshot() -> None:
    grown = tree(state=True)
    nodes = chain(grown, "abcd", (FULL, STATE))
    for node in nodes[2:]:
        grown.detach(node.pages[STATE], STATE, node)
    assert len(grown.match("abcd")) == 2


def test_the_longest_usable_match_agrees_with_trying_each_length() -> None:
    rng = random.Random(0)
    for _ in range(400):
        window, sinks, state = rng.randrange(1, 7), rng.randrange(3), rng.random() < 0.5
        grown = tree(window, sinks, state)
        nodes = chain(grown, "abcdefgh", (FULL, WINDOW, STATE))
        for node in nodes:
            for kind in (WINDOW, STATE):
                if rng.random() < 0.3:
                    grown.detach(node.pages[kind], kind, node)
        usable = 0
        for count in range(1, 9):
            start = min(count, sinks)
            end = max(start, (2 * count + 1 - window) // 2)
            seen = [ordinal for ordinal in range(count) if not start <= ordinal < end]
            there = all(nodes[ordinal].pages[WINDOW] != NO_PAGE for ordinal in seen)
            if there and (not state or nodes[count - 1].pages[STATE] != NO_PAGE):
                usable = count
        assert len(grown.match("abcdefgh")) == usable


def test_a_window_and_a_snapshot_leave_the_block() -> None:
    grown = tree(window=9, state=True)
    nodes = chain(grown, "ab", (FULL, WINDOW, STATE))
    for kind in (WINDOW, STATE):
        grown.detach(nodes[0].pages[kind], kind, nodes[0])
    assert len(grown.subtree(grown.root)) == 3
    assert nodes[0].pages[FULL] != NO_PAGE


def test_a_subtree_has_what_is_below_first() -> None:
    grown = tree()
    nodes = chain(grown, "abc")
    other = grown.attach(90, FULL, nodes[0], "x")
    found = grown.subtree(nodes[0])
    assert set(found) == {*nodes, other}
    assert found.index(nodes[2]) < found.index(nodes[1]) < found.index(nodes[0])


def test_misuse_is_an_error() -> None:
    grown = tree(window=9)
    nodes = chain(grown, "ab", (FULL, WINDOW))
    with pytest.raises(ProtocolError, match="page 7: linked where page 0 is the FULL page"):
        grown.attach(7, FULL, grown.root, "a")
    with pytest.raises(ProtocolError, match="page 7: linked as WINDOW of a block that is not committed"):
        grown.attach(7, Kind.WINDOW, grown.root, "z")
    with pytest.raises(ProtocolError, match="page 7: unlinked from a block whose FULL page is 0"):
        grown.detach(7, FULL, nodes[0])
    with pytest.raises(
        ProtocolError, match="page 0: unlinked while other pages of its block, or blocks below, are left"
    ):
        grown.detach(0, FULL, nodes[0])
