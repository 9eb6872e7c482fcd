"""The reuse tree: cached blocks by token content.

A block is cached while it has a parent here. Its path, the keys from the root down to it, is the text that its KV
data stand for. A cached block's ancestors are all cached: a block leaves with its whole subtree, so what no lookup
can reach any more is never mistaken for cache content.
"""

from __future__ import annotations

from kvproof.impl.refusal import ProtocolError

ROOT = -1
UNATTACHED = -2

Key = tuple[int, ...]


class ReuseTree:
    """Parents, keys and children of `blocks` blocks; the root is no block and has the id ROOT."""

    def __init__(self, blocks: int) -> None:
        self.parent = [UNATTACHED] * blocks
        """Per block: its parent, ROOT, or UNATTACHED when it is not cached."""
        self.key: list[Key | None] = [None] * blocks
        """Per block: its own tokens while it is cached."""
        self.children: list[dict[Key, int]] = [{} for _ in range(blocks + 1)]
        """Per block: its cached children by key. The last entry, which index ROOT names, is the root's."""

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

    def detach(self, block: int) -> None:
        """Take the childless `block` out of the tree. Raises ProtocolError when it is not its parent's child."""
        if self.children[block]:
            child = next(iter(self.children[block].values()))
            raise ProtocolError(f"block {block}: detached while block {child} is still its child")
        self.unlink(block)
        self.forget(block)

    def unlink(self, block: int) -> None:
        """Erase `block` from its parent's children."""
        parent, key = self.parent[block], self.key[block]
        siblings = self.children[parent] if parent != UNATTACHED else {}
        if key is None or siblings.pop(key, None) != block:
            raise ProtocolError(f"block {block}: {self._name(parent)} does not have it as a child")

    def forget(self, block: int) -> None:
        """Clear the parent and the key of `block`; a parent pointer left behind is the bug of #13571."""
        self.parent[block] = UNATTACHED
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

    def path(self, block: int) -> Key | None:
        """All tokens from the root to the end of `block`; None when it is not cached. For inspection."""
        keys: list[Key] = []
        node = block
        while node != ROOT:
            key = self.key[node]
            if key is None:
                return None
            keys.append(key)
            node = self.parent[node]
        return tuple(token for key in reversed(keys) for token in key)

    @staticmethod
    def _name(parent: int) -> str:
        return {ROOT: "the root", UNATTACHED: "no block"}.get(parent, f"block {parent}")
