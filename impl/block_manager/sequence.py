"""What the manager keeps of one live sequence."""

from __future__ import annotations

from array import array

from kvproof.impl.block_manager.page_table import PageTables
from kvproof.impl.block_manager.tokens import Key


class Sequence:
    """A live sequence.

    Attributes:
        tokens: all its joined tokens.
        computed: how many of them have KV data, once the next forward pass has run.
        decode_priority, decode_duration: retention of the blocks that are appended; None is the default priority.
        keys: the keys of its full blocks.
        blocks: its blocks in order.
        table: its page table.
    """

    __slots__ = ("blocks", "computed", "decode_duration", "decode_priority", "keys", "table", "tokens")

    def __init__(self, tokens: Key, decode_priority: int | None, decode_duration: int) -> None:
        self.tokens = list(tokens)
        self.computed = 0
        self.decode_priority = decode_priority
        self.decode_duration = decode_duration
        self.keys: list[Key] = []
        self.blocks: list[int] = []
        self.table: array[int] = PageTables.new()
