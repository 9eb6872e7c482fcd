"""Paths as nodes: the same path is the same node, whichever way a sequence came to it."""

from __future__ import annotations

from kvproof.fuzz.content import pattern
from kvproof.fuzz.paths import PathNode, SequencePath


def test_a_sequence_that_is_cut_and_goes_on_has_the_nodes_of_one_that_never_had_more() -> None:
    root = PathNode(None, ())
    one, other = SequencePath(root, 2, (1, 2, 3, 4, 5)), SequencePath(root, 2, (1, 2, 3))

    one.truncate(3)
    assert (one.tokens, one.nodes) == (other.tokens, other.nodes)
    one.extend((7, 8))
    other.extend((7, 8))
    assert (one.tokens, one.nodes) == (other.tokens, other.nodes)


def test_a_sequence_may_be_cut_at_the_end_of_a_block() -> None:
    path = SequencePath(PathNode(None, ()), 2, (1, 2, 3, 4, 5))
    first, second, _ = path.nodes

    path.truncate(4)

    assert path.nodes == [first, second]


def test_the_beginning_of_a_block_is_the_node_of_those_tokens_and_has_their_bytes() -> None:
    node = SequencePath(PathNode(None, ()), 3, (1, 2, 3, 4, 5, 6)).nodes[1]
    beginning = node.beginning(2)

    assert beginning.path() == (1, 2, 3, 4, 5)
    assert beginning.data == node.data[: len(beginning.data)] == pattern((1, 2, 3, 4, 5), 3)
    assert node.beginning(3) is node
