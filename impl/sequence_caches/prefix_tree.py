"""The radix tree of what is committed: a node for each block of text, with the page of each life cycle that is there.

A node stays as long as a full-attention page is there: windows and snapshots come and go without it (V2-10), and that
page takes everything below with it when it goes, since nothing could match it any more. So every node has a
full-attention page, and so have all above it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from kvproof.impl.refusals import ProtocolError
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, STATE, WINDOW, Kind
from kvproof.impl.sequence_caches.spans import Spans

Text = tuple[Hashable, ...]
"""What the full blocks of a sequence are, one chunk a block: token ids, a hash of them, any name for them."""


class Node:
    """One block of text below those above it; `pages` has one entry a life cycle, NO_PAGE where there is none."""

    __slots__ = ("children", "chunk", "pages", "parent")

    def __init__(self, parent: Node | None, chunk: Hashable) -> None:
        self.parent = parent
        self.chunk = chunk
        self.children: dict[Hashable, Node] = {}
        self.pages = [NO_PAGE] * len(Kind)

    def path(self) -> Text:
        """The text from the root to the end of this block."""
        chunks: list[Hashable] = []
        node = self
        while node.parent is not None:
            chunks.append(node.chunk)
            node = node.parent
        return tuple(reversed(chunks))


class PrefixTree:
    """The nodes below `root`, which is no block itself."""

    def __init__(self, spans: Spans, tokens_per_block: int, windows: bool, has_state: bool) -> None:
        self.root = Node(None, None)
        self._spans = spans
        self._tokens = tokens_per_block
        self._windows = windows
        self._has_state = has_state

    def match(self, text: Sequence[Hashable]) -> list[Node]:
        """The nodes along `text` as far as everything is there that a sequence resuming behind them needs."""
        found: list[Node] = []
        node = self.root
        for chunk in text:
            child = node.children.get(chunk)
            if child is None:
                break
            found.append(child)
            node = child
        del found[self.longest_usable(found) :]
        return found

    def longest_usable(self, nodes: Sequence[Node]) -> int:
        """How many of the chain `nodes` a sequence can start behind: live windows and a snapshot must be there."""
        if not (self._windows or self._has_state):
            return len(nodes)
        runs = self.window_runs(nodes)
        for count in range(len(nodes), 0, -1):
            if self._windows and not self.has_windows(runs, count):
                continue
            if self._has_state and nodes[count - 1].pages[STATE] == NO_PAGE:
                continue
            return count
        return 0

    def window_runs(self, nodes: Sequence[Node]) -> list[int]:
        """For each number of nodes, of how many in a row up to there the window page is there."""
        runs = [0]
        for node in nodes:
            runs.append(runs[-1] + 1 if node.pages[WINDOW] != NO_PAGE else 0)
        return runs

    def has_windows(self, runs: Sequence[int], count: int) -> bool:
        """Whether the window pages are there that a sequence starting behind `count` blocks needs."""
        start, end = self._spans.stale(count * self._tokens)
        return runs[count] >= count - end and runs[start] >= start

    def attach(self, page: int, kind: int, parent: Node, chunk: Hashable) -> Node:
        """Make `page` the one of its life cycle for `chunk` below `parent`. Returns its node, a new one for FULL.

        Raises:
            ProtocolError: that place is taken, or there is no full-attention page there yet.
        """
        node = parent.children.get(chunk)
        if node is None:
            if kind != FULL:
                raise ProtocolError(f"page {page}: linked as {Kind(kind).name} of a block that is not committed")
            node = parent.children[chunk] = Node(parent, chunk)
        elif node.pages[kind] != NO_PAGE:
            raise ProtocolError(f"page {page}: linked where page {node.pages[kind]} is the {Kind(kind).name} page")
        node.pages[kind] = page
        return node

    def detach(self, page: int, kind: int, node: Node) -> None:
        """Take `page` from its node; a full-attention page takes the node out of the tree, which must be bare by then.

        Raises:
            ProtocolError: it is not there, or pages are left that could not be found any more.
        """
        if node.pages[kind] != page:
            raise ProtocolError(
                f"page {page}: unlinked from a block whose {Kind(kind).name} page is {node.pages[kind]}"
            )
        node.pages[kind] = NO_PAGE
        if kind == FULL:
            if node.children or node.pages != [NO_PAGE] * len(Kind):
                raise ProtocolError(f"page {page}: unlinked while other pages of its block, or blocks below, are left")
            parent = node.parent
            if parent is None or parent.children.pop(node.chunk, None) is not node:
                raise ProtocolError(f"page {page}: its block is not in the tree")

    def subtree(self, node: Node) -> list[Node]:
        """`node` and all below it, every node after those below it."""
        found = [node]
        for each in found:  # grows while it is walked, so a chain of any length needs no recursion
            found.extend(each.children.values())
        found.reverse()
        return found
