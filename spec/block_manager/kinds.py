"""The finite types of the block manager, and the parameters on which their sizes depend."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import AtMost, Between, Exactly, Index, Parameters


@attrs.frozen
class BlockManagerParameters(Parameters):
    """Sizes of one block manager. All counts; the defaults are a small manager that offloads soon."""

    primary_blocks: int = 4
    """Slots in device memory (P), at least 1."""
    secondary_blocks: int = 2
    """Slots in host memory (S); 0 switches offloading off."""
    tokens_per_block: int = 2
    """Tokens whose KV data one block holds."""
    sequences: int = 3
    """Sequences that may be live at once."""
    max_tokens: int = 8
    """Longest sequence, in tokens."""
    vocabulary: int = 4
    """Number of different tokens."""
    priorities: int = 101
    """Number of retention priorities: 0 .. priorities - 1."""
    default_priority: int = 35
    """Retention priority of a request that asks for none."""
    offload_threshold: int = 30
    """Lowest priority at which a victim is offloaded rather than dropped."""
    pins_max: int = 3
    """Most pins that one block may carry at once; 0 switches pinning off."""

    def __attrs_post_init__(self) -> None:
        least = {
            "primary_blocks": 1,
            "secondary_blocks": 0,
            "tokens_per_block": 1,
            "sequences": 1,
            "max_tokens": 1,
            "vocabulary": 1,
            "priorities": 1,
            "default_priority": 0,
            "offload_threshold": 0,
            "pins_max": 0,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ValueError(f"{name} is {value!r}: it must be an integer of at least {low}")
        if self.default_priority >= self.priorities:
            raise ValueError(
                f"default_priority is {self.default_priority}: it must be below priorities, which is {self.priorities}"
            )

    @property
    def blocks(self) -> int:
        """Blocks of both levels."""
        return self.primary_blocks + self.secondary_blocks

    @property
    def max_blocks(self) -> int:
        """Blocks of the longest sequence."""
        return (self.max_tokens + self.tokens_per_block - 1) // self.tokens_per_block


class Level(IntEnum):
    """Where a slot is."""

    PRIMARY = 0
    SECONDARY = 1


PRIMARY = Level.PRIMARY
SECONDARY = Level.SECONDARY


class Block(Index):
    """A logical block: keeps its name while its data move between slots (#13124: the two must not be mixed up)."""

    @classmethod
    def count(cls, parameters: BlockManagerParameters) -> int:
        return parameters.blocks


class Slot(Index):
    """The memory of one block: slots 0 .. P-1 are on the device, P .. P+S-1 on the host."""

    @classmethod
    def count(cls, parameters: BlockManagerParameters) -> int:
        return parameters.blocks


class Sequence(Index):
    """The name of a sequence, chosen by the caller."""

    @classmethod
    def count(cls, parameters: BlockManagerParameters) -> int:
        return parameters.sequences


class Token(Index):
    """A token id; two tokens are only ever compared."""

    @classmethod
    def count(cls, parameters: BlockManagerParameters) -> int:
        return parameters.vocabulary


Priority = Annotated[int, Between(0, lambda p: p.priorities - 1)]
References = Annotated[int, Between(0, lambda p: p.sequences + p.pins_max)]
Pins = Annotated[int, Between(0, lambda p: p.pins_max)]
Position = Annotated[int, Between(0, lambda p: p.max_blocks - 1)]
"""The place of a block in a sequence, from 0."""
Tokens = Annotated[tuple[Token, ...], AtMost(lambda p: p.max_tokens)]
"""Tokens from the start of a sequence: what a sequence holds, and the path from the root to a block."""
Key = Annotated[tuple[Token, ...], Exactly(lambda p: p.tokens_per_block)]
"""The tokens of one full block."""
OwnKey = Annotated[tuple[Token, ...], AtMost(lambda p: p.tokens_per_block)]
"""The tokens of a cached block, or () for a block that is not cached."""
Chain = Annotated[tuple[Block, ...], AtMost(lambda p: p.max_blocks)]
"""The blocks of a sequence or of a path, first to last."""
Blocks = Annotated[tuple[Block, ...], AtMost(lambda p: p.blocks)]
"""Any blocks, each once."""
