"""Where a block's bytes are: pools, and in each pool the layers of every slot.

A block can have memory in several *pools*, one for each kind of data whose size differs (layers of another width, block
scales, an attention window's layers), and each pool exists on both levels. A slot addresses one piece in every pool.
Within a pool the layers of a slot lie side by side (*block first*), or all slots of a layer lie side by side (*layer
first*: kernels that run layer by layer, and recurrent states, want that). In a layer-first pool the distance between
two layers of a slot is the number of slots times their size, and so differs between the levels.

The *logical image* of a block is all its bytes in one fixed order, whatever the layout: pool after pool, in each pool
layer after layer, in each layer token after token. `Layout.spans` maps it to memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from attrs import frozen

Move = tuple[int, int, int, int]
"""One copy of a whole block: source level, source slot, target level, target slot."""

PrefixMove = tuple[int, int, int, int, int]
"""A copy of a block's beginning: as `Move`, then the number of tokens."""


@frozen
class Pool:
    """Memory for one piece of each block, on both levels.

    Attributes:
        layer_bytes: bytes of one layer of a block, all its tokens, at least 1.
        layers: number of layers, at least 1.
        layer_first: all slots of a layer lie side by side; False: all layers of a slot do.
    """

    layer_bytes: int
    layers: int = 1
    layer_first: bool = False

    def __attrs_post_init__(self) -> None:
        for name, value in (("layer_bytes", self.layer_bytes), ("layers", self.layers)):
            if isinstance(value, bool) or not isinstance(value, int):
                raise TypeError(f"Pool.{name}: needs a whole number, got {value!r}")
            if value < 1:
                raise ValueError(f"Pool.{name}: needs at least 1, got {value}")

    @property
    def block_bytes(self) -> int:
        """Bytes of a block's piece in this pool."""
        return self.layers * self.layer_bytes


class Piece(NamedTuple):
    """One pitched copy in one pool: `rows` rows of `row_bytes` bytes; offsets and pitches are bytes of a level's memory.

    The pitch is the distance between the beginnings of consecutive rows; for a single row it means nothing.
    """

    pool: int
    source_level: int
    source_offset: int
    target_level: int
    target_offset: int
    row_bytes: int
    rows: int
    source_pitch: int
    target_pitch: int


class Span(NamedTuple):
    """Neighbouring bytes of a block's logical image that are neighbours in memory, too."""

    pool: int
    offset: int
    size: int


class Layout:
    """Addresses, in bytes from the beginning of a pool's memory of a level.

    Args:
        slots: number of PRIMARY and of SECONDARY slots.
        pools: at least one.
        tokens_per_block: tokens of a block; each layer has equally many bytes for each.

    Raises:
        ValueError: no pool, or a layer that cannot be divided into tokens.
    """

    def __init__(self, slots: tuple[int, int], pools: Sequence[Pool], tokens_per_block: int = 1) -> None:
        if not pools:
            raise ValueError("device pools: there are none; a block needs memory in at least one")
        if tokens_per_block < 1:
            raise ValueError(f"device tokens_per_block: needs at least 1, got {tokens_per_block}")
        for number, pool in enumerate(pools):
            if pool.layer_bytes % tokens_per_block:
                raise ValueError(
                    f"device pool {number}: a layer of {pool.layer_bytes} bytes is not a multiple of tokens_per_block, "
                    f"{tokens_per_block}; each token needs equally many bytes"
                )
        self.slots = slots
        self.pools = tuple(pools)
        self.tokens_per_block = tokens_per_block
        self.block_bytes = sum(pool.block_bytes for pool in pools)
        """Bytes of a block, all pools."""

    def pool_bytes(self, pool: int, level: int) -> int:
        """Size of a pool's memory of a level."""
        return self.slots[level] * self.pools[pool].block_bytes

    def pitch(self, pool: int, level: int) -> int:
        """Bytes from a layer of a slot to the same slot's next layer."""
        shape = self.pools[pool]
        return self.slots[level] * shape.layer_bytes if shape.layer_first else shape.layer_bytes

    def offset(self, pool: int, level: int, slot: int) -> int:
        """Where layer 0 of a slot begins."""
        shape = self.pools[pool]
        return slot * (shape.layer_bytes if shape.layer_first else shape.block_bytes)

    def slot_at(self, pool: int, level: int, offset: int) -> int:
        """The slot to which the byte at `offset` belongs."""
        shape = self.pools[pool]
        if shape.layer_first:
            return offset // shape.layer_bytes % self.slots[level]
        return offset // shape.block_bytes

    def pieces(self, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[list[Piece]]:
        """The copies of a batch, a list for each pool: whole blocks first, then beginnings.

        A beginning of n tokens is the first n tokens of each layer. Layers that lie side by side on both levels are
        copied as one row. A device runs list number i on the memory of pool i.
        """
        return [self.pool_pieces(pool, moves, prefixes) for pool in range(len(self.pools))]

    def pool_pieces(self, pool: int, moves: Sequence[Move], prefixes: Sequence[PrefixMove]) -> list[Piece]:
        """The copies of a batch in one pool; see `pieces`."""
        shape = self.pools[pool]
        pitches = (self.pitch(pool, 0), self.pitch(pool, 1))
        token_bytes = shape.layer_bytes // self.tokens_per_block
        found = []
        for source_level, source, target_level, target in moves:
            row_bytes, rows = shape.layer_bytes, shape.layers
            if pitches[source_level] == pitches[target_level] == row_bytes:
                row_bytes, rows = row_bytes * rows, 1
            source_offset = self.offset(pool, source_level, source)
            target_offset = self.offset(pool, target_level, target)
            ends = (source_level, source_offset, target_level, target_offset)
            found.append(Piece(pool, *ends, row_bytes, rows, pitches[source_level], pitches[target_level]))
        for source_level, source, target_level, target, tokens in prefixes:
            source_offset = self.offset(pool, source_level, source)
            target_offset = self.offset(pool, target_level, target)
            ends = (source_level, source_offset, target_level, target_offset)
            pitch_pair = (pitches[source_level], pitches[target_level])
            found.append(Piece(pool, *ends, tokens * token_bytes, shape.layers, *pitch_pair))
        return found

    def spans(self, level: int, slot: int, start: int = 0, end: int | None = None) -> list[Span]:
        """Where bytes `start` to `end` (exclusive; None: the last) of a block's logical image are, in their order."""
        end = self.block_bytes if end is None else end
        found: list[Span] = []
        base = 0  # of the pool, in the image
        for number, shape in enumerate(self.pools):
            first, pitch = self.offset(number, level, slot), self.pitch(number, level)
            row_bytes, rows = shape.layer_bytes, shape.layers
            if pitch == row_bytes:
                row_bytes, rows = shape.block_bytes, 1
            for row in range(rows):
                low, high = max(start, base), min(end, base + row_bytes)
                if low < high:
                    found.append(Span(number, first + row * pitch + low - base, high - low))
                base += row_bytes
        return found
