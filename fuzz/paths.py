"""Token paths as nodes of one tree, so that a path is compared by identity and its bytes are computed once.

A block's bytes depend on its whole path (`kvproof.fuzz.content`). A node holds the link of the hash chain at its end
and the bytes of its own tokens, so a path of n blocks costs n steps once, whoever asks for it later.
"""

from __future__ import annotations

from kvproof.fuzz.content import ROOT_LINK, extend

Tokens = tuple[int, ...]

TOKENS_SHOWN = 12
"""Tokens at the end of a path that a message shows."""


class PathNode:
    """One block's tokens behind a path; the block may be partly filled, then nothing is behind it.

    Attributes:
        parent: the node of the path before it; None for the root.
        tokens: the block's own tokens; () for the root.
        data: the bytes of these tokens.
    """

    __slots__ = ("_below", "_link", "data", "parent", "tokens")

    def __init__(self, parent: PathNode | None, tokens: Tokens) -> None:
        self.parent = parent
        self.tokens = tokens
        self._link: int
        self.data: bytes
        self._link, self.data = extend(ROOT_LINK if parent is None else parent._link, tokens)
        self._below: dict[Tokens, PathNode] | None = None

    def below(self, tokens: Tokens) -> PathNode:
        """The node of `tokens` behind this path; the same object each time."""
        if self._below is None:
            self._below = {}
        found = self._below.get(tokens)
        if found is None:
            found = self._below[tokens] = PathNode(self, tokens)
        return found

    def beginning(self, count: int) -> PathNode:
        """The node of the first `count` tokens of this block, at least one, behind the same path."""
        if count >= len(self.tokens) or self.parent is None:
            return self
        return self.parent.below(self.tokens[:count])

    def path(self) -> Tokens:
        """All tokens from the root to the end of this block."""
        parts = []
        node: PathNode | None = self
        while node is not None:
            parts.append(node.tokens)
            node = node.parent
        return tuple(token for part in reversed(parts) for token in part)

    def start(self) -> int:
        """How many tokens come before this block's own."""
        return len(self.path()) - len(self.tokens)

    def __repr__(self) -> str:
        return f"PathNode({list(self.path())})"


class SequencePath:
    """A sequence, whose end grows and shrinks: the node of each of its blocks."""

    __slots__ = ("_root", "_size", "nodes", "tokens")

    def __init__(self, root: PathNode, block_tokens: int, tokens: Tokens) -> None:
        self._root = root
        self._size = block_tokens
        self.tokens: list[int] = []
        self.nodes: list[PathNode] = []
        """Per block; the last one may be partly filled, and is replaced when it grows."""
        self.extend(tokens)

    def extend(self, tokens: Tokens) -> None:
        """Append tokens: O(blocks that change)."""
        size, nodes, mine = self._size, self.nodes, self.tokens
        if len(mine) % size:
            nodes.pop()
        mine.extend(tokens)
        node = nodes[-1] if nodes else self._root
        for start in range(len(nodes) * size, len(mine), size):
            node = node.below(tuple(mine[start : start + size]))
            nodes.append(node)

    def truncate(self, length: int) -> None:
        """Forget the tokens from `length` on: O(blocks that go)."""
        del self.tokens[length:]
        del self.nodes[-(-length // self._size) :]
        if length % self._size:
            self.nodes[-1] = self.nodes[-1].beginning(length % self._size)


def path_text(path: Tokens) -> str:
    """A path in a message: the end of one that is long."""
    more = f"{len(path) - TOKENS_SHOWN} tokens, then " if len(path) > TOKENS_SHOWN else ""
    return f"[{more}{', '.join(map(str, path[-TOKENS_SHOWN:]))}]"
