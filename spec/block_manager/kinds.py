"""The finite types of the block manager, and the parameters on which their sizes depend.

A feature is switched off by a size of zero: the state that it needs then has one value, and every proof is the smaller.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import AtMost, Between, Index, Parameters


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
    reuse: int = 1
    """1: finished data are kept and matched; 0: nothing is ever cached."""
    partial_reuse: int = 0
    """1: a partly filled last block is cached too, and a prompt may match a part of a block."""
    copy_on_partial_reuse: int = 1
    """1: a part of a block that others use is matched too, and copied; 0: only a free leaf is."""
    batch_max: int = 2
    """Most requests of one batch; 0 switches batches off."""
    ranges_max: int = 1
    """Most retention ranges of one request; with 0, all prompts are kept at the default priority."""
    duration_max: int = 0
    """Longest time in ticks for which a retention priority is asked; 0 switches durations off."""
    budget_max: int = 0
    """Largest token budget of a batch; 0 switches budgets and chunked prefill off."""
    extra_ids: int = 1
    """Kinds of extra ids: token t stands for the token id t % (vocabulary // extra_ids) with the extra id
    t // (vocabulary // extra_ids). Only implementations tell the two apart; here they make different tokens."""

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
            "reuse": 0,
            "partial_reuse": 0,
            "copy_on_partial_reuse": 0,
            "batch_max": 0,
            "ranges_max": 0,
            "duration_max": 0,
            "budget_max": 0,
            "extra_ids": 1,
        }
        for name, low in least.items():
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise ValueError(f"{name} is {value!r}: it must be an integer of at least {low}")
        if self.default_priority >= self.priorities:
            raise ValueError(
                f"default_priority is {self.default_priority}: it must be below priorities, which is {self.priorities}"
            )
        for name in ("reuse", "partial_reuse", "copy_on_partial_reuse"):
            if getattr(self, name) > 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it is a switch, 0 or 1")
        if self.vocabulary % self.extra_ids != 0:
            raise ValueError(
                f"vocabulary is {self.vocabulary}: it must be a multiple of extra_ids, which is {self.extra_ids}"
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
    """The memory of one block: the slots from 0 on are on the device, and after them come those on the host."""

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
"""Retention priority of a cached block: the lowest goes first."""
Rank = Annotated[int, Between(0, lambda p: p.priorities)]
"""The place of a priority in a free queue: 0 for blocks that nothing can reach, 1 + priority for the others."""
Duration = Annotated[int, Between(0, lambda p: p.duration_max)]
"""Ticks; 0 stands for no limit, and for no time."""
References = Annotated[int, Between(0, lambda p: p.sequences + p.pins_max)]
Pins = Annotated[int, Between(0, lambda p: p.pins_max)]
Position = Annotated[int, Between(0, lambda p: p.max_blocks - 1)]
"""The place of a block in a sequence, from 0."""
TokenCount = Annotated[int, Between(0, lambda p: p.max_tokens)]
Chunk = Annotated[int, Between(0, lambda p: min(p.max_tokens, p.budget_max))]
"""Tokens that an iteration grants to a prompt or that an estimate promises; as a chunk, 0 stands for the whole prompt."""
Budget = Annotated[int, Between(0, lambda p: p.budget_max)]
"""Tokens that one forward pass may compute for the prompts of a batch (max_num_tokens less what generation takes)."""
Tokens = Annotated[tuple[Token, ...], AtMost(lambda p: p.max_tokens)]
"""Tokens from the start of a sequence: what a sequence holds, and the path from the root to a block."""
Key = Annotated[tuple[Token, ...], AtMost(lambda p: p.tokens_per_block)]
"""The tokens of a cached block: those of a full block, or fewer for a partly filled one; () for one that is not cached."""
Chain = Annotated[tuple[Block, ...], AtMost(lambda p: p.max_blocks)]
"""The blocks of a sequence or of a path, first to last."""
Blocks = Annotated[tuple[Block, ...], AtMost(lambda p: p.blocks)]
"""Any blocks, each once."""
