"""What the manager keeps of one live sequence."""

from __future__ import annotations

from array import array

from kvproof.impl.page_table import PageTables
from kvproof.impl.reuse_tree import Key


class Sequence:
    """A live sequence: its tokens, the keys of its full blocks, its blocks in order and its page table."""

    __slots__ = ("blocks", "keys", "priority", "table", "tokens")

    def __init__(self, tokens: tuple[int, ...], priority: int) -> None:
        self.tokens = list(tokens)
        self.priority = priority
        self.keys: list[Key] = []
        self.blocks: list[int] = []
        self.table: array[int] = PageTables.new()
