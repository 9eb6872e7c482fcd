"""The reuse tree: matching, subtrees, and symmetry of parents and children."""

from __future__ import annotations

import pytest

from kvproof.impl.block_manager import ProtocolError
from kvproof.impl.block_manager.reuse_tree import ROOT, UNATTACHED, ReuseTree


def chain(length: int) -> ReuseTree:
    """Blocks 0..length-1, each the child of the one before."""
    tree = ReuseTree(length + 1)
    for block in range(length):
        tree.attach(block, block - 1 if block else ROOT, (block,))
    return tree


def test_match_stops_at_the_first_miss() -> None:
    assert chain(3).match([(0,), (1,), (9,), (2,)], 4) == [0, 1]


def test_match_stops_at_the_limit() -> None:
    assert chain(3).match([(0,), (1,), (2,)], 2) == [0, 1]


def test_subtree_has_every_block_after_its_descendants() -> None:
    tree = ReuseTree(4)
    for block, parent in ((0, ROOT), (1, 0), (2, 0), (3, 1)):
        tree.attach(block, parent, (block,))
    order = tree.subtree(0)
    assert sorted(order) == [0, 1, 2, 3]
    assert order.index(3) < order.index(1) < order.index(0)
    assert order[-1] == 0


def test_subtree_of_a_long_chain_needs_no_recursion() -> None:
    assert chain(20_000).subtree(0)[0] == 19_999


def test_detached_block_keeps_neither_parent_nor_key() -> None:
    tree = chain(2)
    tree.detach(1)
    assert (tree.parent[1], tree.key[1]) == (UNATTACHED, None)


def test_detach_of_a_parent_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="block 0: detached while block 1 is still its child"):
        chain(2).detach(0)


def test_detach_of_a_block_outside_the_tree_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="block 1: no block does not have it as a child"):
        chain(1).detach(1)


def test_detach_of_a_block_that_its_parent_does_not_know_is_an_error() -> None:
    tree = chain(2)
    tree.children[0].clear()
    with pytest.raises(ProtocolError, match="block 1: block 0 does not have it as a child"):
        tree.detach(1)


def test_attach_under_a_taken_key_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="block 2: attached under a key that block 1 has already"):
        chain(2).attach(2, 0, (1,))


def test_attach_of_a_cached_block_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="block 1: attached while it still has parent block 0"):
        chain(2).attach(1, ROOT, (1,))


def test_attach_under_a_block_outside_the_tree_is_an_error() -> None:
    with pytest.raises(ProtocolError, match="block 0: attached under block 1, which is not cached"):
        ReuseTree(2).attach(0, 1, (1,))


def test_path_is_all_tokens_from_the_root() -> None:
    assert chain(3).path(2) == (0, 1, 2)
