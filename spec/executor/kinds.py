"""The finite types of the executor's protocol, and the parameters on which their sizes depend."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

import attrs

from kvproof.spec.lang import AtMost, Between, Index
from kvproof.spec.lang.record import Record
from kvproof.spec.sequence_caches.kinds import (
    BlockCount,
    Cache,
    Count,
    Page,
    Status,
    StorageParameters,
    TokenCount,
)


@attrs.frozen
class ExecutorParameters(StorageParameters):
    """Sizes of an executor and of the manager under it. Counts, if nothing else is said."""

    requests: int = 3
    """Requests that may be there at once, at least 1."""
    draft_tokens: int = 0
    """Tokens that a generating request drafts in a pass, beside the one that it generates."""
    draft_model: int = 0
    """1: drafts are made by a model of its own, with a second cache for each request; 0: by the model itself, or not."""
    max_tokens: int = 8
    """Tokens of one pass, at least 1: the token budget."""
    overlap: int = 0
    """1: a pass is scheduled before the last one is updated, so two may be in flight; 0: one at a time."""
    rows: int = 2
    """Rows of the table through which kernels find pages, at least 1: so many requests may run at once."""
    delay: int = 0
    """What may hold context requests back: 0 nothing, 1 balance over ranks, 2 waiting for a fuller batch."""
    delay_passes: int = 1
    """Passes for which they are held back at most, in the balance when all ranks generate."""
    timeout_passes: int = 1
    """Passes for which the balance waits for the other ranks."""
    wait_tokens: int = 4
    """Tokens of a pass that is full enough not to wait."""
    attended_max: int = 0
    """Tokens to which the context requests of a pass may attend together; 0: any number."""

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        most = {"draft_model": 1, "overlap": 1, "delay": 2, "rows": self.requests}
        for name in ("requests", "max_tokens", "rows"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at least 1")
        for name, value in most.items():
            if getattr(self, name) > value:
                raise ValueError(f"{name} is {getattr(self, name)}: it must be at most {value}")
        if self.draft_model == 1 and self.chunks % 2 == 1:
            raise ValueError(f"chunks is {self.chunks}: with a draft model half of them are its own, so make it even")
        if self.blocks_max * self.tokens_per_block < 2 + self.draft_tokens:
            raise ValueError(f"blocks_max is {self.blocks_max}: a prompt of one token and a pass must fit, so raise it")
        fallback = (1 + self.draft_tokens) * (1 + self.overlap)
        if self.scratch_share > 0 and self.rewind < fallback:
            raise ValueError(f"rewind is {self.rewind}: what generation may take back must not be scratch: {fallback}")
        if self.state_primary > 0 and self.draft_tokens > 0:
            raise ValueError("draft_tokens with recurrent state: what is rejected cannot be taken out of a state again")

    @property
    def caches(self) -> int:
        """Sequence caches: one for each request, and with a draft model one more."""
        return self.requests * (1 + self.draft_model)

    @property
    def tokens_max(self) -> int:
        """Tokens of the longest sequence."""
        return self.blocks_max * self.tokens_per_block

    @property
    def growth(self) -> int:
        """Tokens for which a generating request needs room in a pass."""
        return 1 + self.draft_tokens

    @property
    def passes_max(self) -> int:
        """The most that the counter of waiting comes to."""
        return max(self.delay_passes, self.timeout_passes)


class Stage(IntEnum):
    """How far a request is."""

    NONE = 0
    """There is no such request."""
    CONTEXT = 1
    """Its prompt is being computed, chunk by chunk."""
    GENERATION = 2
    """It generates tokens."""
    SENDING = 3
    """It is over, but somebody still reads its pages (a context-only request of a disaggregated server)."""


class Phase(IntEnum):
    """How far a pass is."""

    IDLE = 0
    """No pass is open."""
    GENERATING = 1
    """Generating requests are being scheduled."""
    FILLING = 2
    """Context requests are, after all generation is settled."""


BALANCE = 1
"""The `delay` in which ranks with attention data parallelism keep in step."""
WAIT = 2
"""The `delay` in which context waits for a fuller batch."""


FIRST_CACHE = Cache(0)
"""The first cache."""


class Request(Index):
    """A place for one request."""

    @classmethod
    def count(cls, parameters: ExecutorParameters) -> int:
        return parameters.requests


class Row(Index):
    """A row of the table through which kernels find the pages of a request."""

    @classmethod
    def count(cls, parameters: ExecutorParameters) -> int:
        return parameters.rows


class RequestChunk(Index):
    """The tokens of one full block of a request. A draft model has data of its own for them: chunks of its own."""

    @classmethod
    def count(cls, parameters: ExecutorParameters) -> int:
        return parameters.chunks // (1 + parameters.draft_model)


RequestText = Annotated[tuple[RequestChunk, ...], AtMost(lambda p: p.blocks_max)]
"""What the full blocks of a request's prompt are."""

Requests = Annotated[tuple[Request, ...], AtMost(lambda p: p.requests)]
"""Requests in order."""

RequestCount = Annotated[int, Between(0, lambda p: p.requests)]
"""A number of requests."""

Position = Annotated[int, Between(0, lambda p: p.requests - 1)]
"""A place in a batch."""

ChunkTokens = Annotated[int, Between(1, lambda p: p.blocks_max * p.tokens_per_block)]
"""Prompt tokens that are to be computed in a pass."""

Accepted = Annotated[int, Between(1, lambda p: 1 + p.draft_tokens)]
"""Tokens by which a request has grown: one, and the drafts that were right."""

Growth = Annotated[int, Between(0, lambda p: 1 + p.draft_tokens)]
"""Tokens for which a generating request was given room in a pass; 0: it was not scheduled."""

InFlight = Annotated[int, Between(0, lambda p: 1 + p.overlap)]
"""A number of passes."""

BudgetTokens = Annotated[int, Between(0, lambda p: p.max_tokens)]
"""Tokens of one pass."""

PassCount = Annotated[int, Between(0, lambda p: p.passes_max)]
"""Passes for which context requests have been held back."""


@attrs.frozen
class Peers(Record):
    """What is known of the other ranks of a pass."""

    all_have_context: bool
    """Each has a context request, and place for it."""
    all_generate: bool
    """Each has a generating request."""
    some_do_not_generate: bool
    """At least one has none."""


@attrs.frozen
class Delay(Record):
    """What a delay decides."""

    passes: bool
    """The context requests are in the pass; otherwise none of them is."""
    waited: PassCount
    """How long they have waited now."""
    held_back: PassCount
    """How long they have been held back for generation now."""


Cells = Annotated[tuple[Page | None, ...], AtMost(lambda p: 2 * p.blocks_max + 2)]
"""The pages of a cache, place by place."""


@attrs.frozen
class Share(Record):
    """What a cache has, all that its request can tell."""

    status: Status
    """What it is doing."""
    committed: BlockCount
    """Blocks that others may reuse."""
    history: TokenCount
    """Tokens that have been computed."""
    capacity: TokenCount
    """Tokens for which there is room."""
    stopped: bool
    """Whether no more blocks will be committed."""
    scratch: Count
    """Scratch slots."""
    locks: Count
    """Places whose pages it uses."""
    cells: Cells
    """Its pages."""
