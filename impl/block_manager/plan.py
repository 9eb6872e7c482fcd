"""A request of a batch on its way to admission: what was decided of it before anything changes."""

from __future__ import annotations

from kvproof.impl.block_manager.requests import Request
from kvproof.impl.block_manager.tokens import Key

Retention = tuple[int | None, int]
"""What `step_prioritise` is given besides the block."""

NO_BLOCK = -1


class Plan:
    """A request of a batch on its way to admission.

    Attributes:
        request: what was asked.
        tokens: the joined tokens of the prompt.
        keys: the keys of its whole blocks.
        needed: number of blocks that hold the prompt.
        chain: the cached blocks of its whole blocks, from the first on.
        tail: the cached block that shares the tokens after the chain, or NO_BLOCK.
        tail_tokens: how many it shares.
        reused: tokens of the chain and the tail together.
        end: up to where the tokens are there after the next forward pass.
        in_place: the tail becomes a block of this request; otherwise its beginning is copied to a new one.
        releases_source: this request is the last to copy the tail, and gives it back.
        fresh, kept: by block position, how new blocks and how reused ones are retained.
    """

    __slots__ = (
        "chain",
        "end",
        "fresh",
        "in_place",
        "kept",
        "keys",
        "needed",
        "releases_source",
        "request",
        "reused",
        "tail",
        "tail_tokens",
        "tokens",
    )

    def __init__(self, request: Request, tokens: Key, keys: list[Key], needed: int) -> None:
        self.request = request
        self.tokens = tokens
        self.keys = keys
        self.needed = needed
        self.chain: list[int] = []
        self.tail = NO_BLOCK
        self.tail_tokens = 0
        self.reused = 0
        self.end = len(tokens)
        self.in_place = False
        self.releases_source = False
        self.fresh: list[Retention] = []
        self.kept: list[Retention] = []
