"""The reuse tree: cached blocks by token content.

A block is cached while it has a parent here. Its path, the keys from the root down to it, is the text that its KV
data stand for. A cached block's ancestors are all cached: a block leaves with its whole subtree, so what no lookup
can reach any more is never mistaken for cache content. A key shorter than a block is that of a partly filled block,
which never has children.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable

from kvproof.impl.block_manager.tokens import Key
from kvproof.impl.refusals import ProtocolError

ROOT = -1
UNATTACHED = -2

ORDERED_FROM = 16
"""Children from which on a node whose children are searched for common prefixes keeps their keys in order."""


class ReuseTree:
    """Parents, keys and children of `blocks` blocks; the root is no block and has the id ROOT."""

    def __init__(self, blocks: int) -> None:
        self.parent = [UNATTACHED] * blocks
        """Per block: its parent, ROOT, or UNATTACHED when it is not cached."""
        self.key: list[Key | None] = [None] * blocks
        """Per block: its own tokens while it is cached."""
        self.children: list[dict[Key, int]] = [{} for _ in range(blocks + 1)]
        """Per block: its cached children by key. The last entry, which index ROOT names, is the root's."""
        self._ordered: dict[int, list[Key]] = {}  # sorted keys of children, for nodes searched by prefix

    def match(self, keys: list[Key], limit: int) -> list[int]:
        """The cached blocks along `keys` from the root, at most `limit` of them."""
        matched: list[int] = []
        node = ROOT
        children = self.children
        for key in keys[:limit]:
            child = children[node].get(key)
            if child is None:
                break
            matched.append(child)
            node = child
        return matched

    def longest_prefix(
        self, node: int, wanted: Key, eligible: Callable[[int], bool] | None = None
    ) -> tuple[int, int] | None:
        """The child of `node` whose key shares the longest beginning with `wanted`, and that length; None when none does.

        Of several the one with the smallest key. With `eligible` only the children that it accepts count.
        """
        children = self.children[node]
        if len(children) >= ORDERED_FROM:
            return self._search_ordered(node, wanted, eligible)
        best, best_key, found = 0, wanted, ROOT
        for key, child in children.items():
            length = self.common_prefix(key, wanted)
            better = length > best or (length == best and length and key < best_key)
            if better and (eligible is None or eligible(child)):
                best, best_key, found = length, key, child
        return (found, best) if best else None

    def _search_ordered(self, node: int, wanted: Key, eligible: Callable[[int], bool] | None) -> tuple[int, int] | None:
        """Keys that share a beginning are neighbours in order, and the longest are next to where `wanted` would be."""
        children = self.children[node]
        keys = self._ordered.get(node)
        if keys is None:
            keys = self._ordered[node] = sorted(children)
        place = bisect_left(keys, wanted)
        longest = max(self.common_prefix(key, wanted) for key in keys[max(0, place - 1) : place + 1])
        for length in range(longest, 0, -1):
            prefix = wanted[:length]
            index = bisect_left(keys, prefix)
            while index < len(keys) and keys[index][:length] == prefix:
                child = children[keys[index]]
                if eligible is None or eligible(child):
                    return child, length
                index += 1
        return None

    def common_prefix(self, key: Key, wanted: Key) -> int:
        """Number of joined tokens at the beginning that are equal, extra ids included."""
        length = 0
        for own, other in zip(key, wanted, strict=False):
            if own != other:
                break
            length += 1
        return length

    def attach(self, block: int, parent: int, key: Key) -> None:
        """Make `block` the child of `parent` under `key`. Raises ProtocolError when either place is taken."""
        if self.parent[block] != UNATTACHED:
            raise ProtocolError(f"block {block}: attached while it still has parent {self._name(self.parent[block])}")
        if parent != ROOT and self.parent[parent] == UNATTACHED:
            raise ProtocolError(f"block {block}: attached under block {parent}, which is not cached")
        siblings = self.children[parent]
        if siblings.setdefault(key, block) != block:  # one lookup: hashing a key takes as long as all else here
            raise ProtocolError(f"block {block}: attached under a key that block {siblings[key]} has already")
        self.parent[block] = parent
        self.key[block] = key
        if parent in self._ordered:
            insort(self._ordered[parent], key)

    def detach(self, block: int) -> None:
        """Take the childless `block` out of the tree. Raises ProtocolError when it is not its parent's child."""
        if self.children[block]:
            child = next(iter(self.children[block].values()))
            raise ProtocolError(f"block {block}: detached while block {child} is still its child")
        parent, key = self.parent[block], self.key[block]
        siblings = self.children[parent] if parent != UNATTACHED else {}
        if key is None or siblings.pop(key, None) != block:
            raise ProtocolError(f"block {block}: {self._name(parent)} does not have it as a child")
        keys = self._ordered.get(parent)
        if keys is not None:
            if len(siblings) < ORDERED_FROM:
                del self._ordered[parent]
            else:
                del keys[bisect_left(keys, key)]
        self.parent[block] = UNATTACHED  # a parent pointer left behind is the bug of #13571
        self.key[block] = None

    def subtree(self, block: int) -> list[int]:
        """`block` and all its descendants, every block after its descendants, `block` last."""
        found = [block]
        for node in found:  # grows while it is walked: breadth first, so a chain of any length needs no recursion
            children = self.children[node]
            if children:
                found.extend(children.values())
        found.reverse()
        return found

    def subtree_by_key(self, block: int) -> list[int]:
        """The same, in the reverse of breadth-first order with the children of a block in the order of their keys."""
        found = [block]
        for node in found:
            children = self.children[node]
            if children:
                found.extend([children[key] for key in sorted(children)])
        found.reverse()
        return found

    def path(self, block: int, known: dict[int, Key | None] | None = None) -> Key | None:
        """All tokens from the root to the end of `block`; None when it is not cached. For inspection.

        With one dict for `known` in several calls, each path is made from its parent's.
        """
        known = {} if known is None else known
        chain = []
        while block not in known and block not in (ROOT, UNATTACHED):
            chain.append(block)
            block = self.parent[block]
        path = () if block == ROOT else known.get(block)
        for below in reversed(chain):
            key = self.key[below]
            path = known[below] = None if path is None or key is None else path + key
        return path

    @staticmethod
    def _name(parent: int) -> str:
        return {ROOT: "the root", UNATTACHED: "no block"}.get(parent, f"block {parent}")
