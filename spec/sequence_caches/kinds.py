"""The finite types of the sequence caches, and the parameters on which their sizes depend."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import AtMost, Between, Index, Parameters


@attrs.frozen
class SequenceCachesParameters(Parameters):
    """Sizes of one manager of sequence caches. All counts."""

    primary_slots: int = 4
    """Slots for pages in device memory, at least 1."""
    secondary_slots: int = 2
    """Slots for pages in host memory; 0: there is device memory only."""
    caches: int = 3
    """Sequence caches that may be open at once, at least 1."""
    prompts: int = 2
    """Different texts, at least 1: caches of one text share what is committed of it, those of two share nothing."""
    tokens_per_block: int = 2
    """Tokens of one block, at least 1."""
    blocks_max: int = 3
    """Blocks of the longest cache, at least 1."""
    priorities: int = 2
    """Eviction priorities, 0 .. priorities - 1, at least 1: lower ones go first."""
    gate_percent: int = 97
    """Utilisation of device memory above which no cache is resumed, in percent, 1 to 100."""

    def __attrs_post_init__(self) -> None:
        least = {
            "primary_slots": 1,
            "secondary_slots": 0,
            "caches": 1,
            "prompts": 1,
            "tokens_per_block": 1,
            "blocks_max": 1,
            "priorities": 1,
            "gate_percent": 1,
        }
        for name, minimum in least.items():
            if getattr(self, name) < minimum:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least {minimum}")
        if self.gate_percent > 100:
            raise ValueError(f"gate_percent is {self.gate_percent}: it must be at most 100, which lets everything pass")


class Level(IntEnum):
    """Where a page's slot is."""

    PRIMARY = 0
    SECONDARY = 1


PRIMARY = Level.PRIMARY
SECONDARY = Level.SECONDARY


class Status(IntEnum):
    """What a sequence cache is doing."""

    CLOSED = 0
    """There is no such cache."""
    SUSPENDED = 1
    """It holds its pages, wherever they are."""
    ACTIVE = 2
    """It has its pages locked in device memory."""


class Page(Index):
    """The KV data of one block. There are never more pages than slots, and which slot a page has makes no difference."""

    @classmethod
    def count(cls, parameters: SequenceCachesParameters) -> int:
        return parameters.primary_slots + parameters.secondary_slots


class Cache(Index):
    """A place for one sequence cache."""

    @classmethod
    def count(cls, parameters: SequenceCachesParameters) -> int:
        return parameters.caches


class Prompt(Index):
    """A text: what the first tokens, the second and so on of a sequence are."""

    @classmethod
    def count(cls, parameters: SequenceCachesParameters) -> int:
        return parameters.prompts


NO_TEXT = Prompt(0)
"""The text of a closed cache, which has none: any will do."""
FIRST = Page(0)
"""The first page."""

Ordinal = Annotated[int, Between(0, lambda p: p.blocks_max - 1)]
"""The place of a block in its sequence."""

Priority = Annotated[int, Between(0, lambda p: p.priorities - 1)]
"""Eviction priority: lower goes first."""

TokenCount = Annotated[int, Between(0, lambda p: p.blocks_max * p.tokens_per_block)]
"""A number of tokens of one sequence."""

BlockCount = Annotated[int, Between(0, lambda p: p.blocks_max)]
"""A number of blocks of one sequence."""

Count = Annotated[int, Between(0, lambda p: p.primary_slots + p.secondary_slots)]
"""A number of pages or slots."""

Pages = Annotated[tuple[Page, ...], AtMost(lambda p: p.blocks_max)]
"""The pages of one sequence, block by block."""
