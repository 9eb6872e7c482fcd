"""What the executor knows of a request."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class Stage(IntEnum):
    """Where a request is."""

    CONTEXT = 1
    """Its prompt is being computed."""
    GENERATION = 2
    SENDING = 3
    """It has been handed over: another engine generates, and a sender still reads its data here."""


class Phase(IntEnum):
    """Where a scheduling pass is."""

    IDLE = 0
    GENERATING = 1
    """Generating requests are scheduled, all before the first context request."""
    FILLING = 2


class Peers(NamedTuple):
    """What the other ranks of attention data parallelism have in this iteration.

    Attributes:
        all_have_context: every rank has a context request and room for it.
        all_generate: every rank has generation work.
        some_do_not_generate: some rank has none, and idles until context work comes.
    """

    all_have_context: bool = True
    all_generate: bool = True
    some_do_not_generate: bool = False


class Request:
    """One request, from its submission to its end.

    Attributes:
        number: its name, and the number of its cache.
        caches: numbers of its caches, the draft model's last.
        prompt: tokens to compute before it generates.
        text: what the full blocks of its sequence are that may be found or shared.
        priority: of the pages of its caches.
        cursor: tokens of the prompt that have been computed.
        chunk: tokens of the prompt that are scheduled or in flight.
        outstanding: forward passes that have been launched and not updated.
        snapshot: capacity before this pass's chunk grew it; None when it did not.
        scheduled: in this pass.
        resumed: this pass has resumed its caches to let it generate.
        has_caches: its caches are open.
        row: its index row; None without caches, and once it has been handed over.
        position: in the batch that was last forwarded, None when it was not part of it.
        fresh: it has caches, and nothing has been computed with them.
    """

    __slots__ = (
        "caches",
        "chunk",
        "cursor",
        "fresh",
        "has_caches",
        "number",
        "outstanding",
        "position",
        "priority",
        "prompt",
        "resumed",
        "row",
        "scheduled",
        "snapshot",
        "stage",
        "text",
    )

    def __init__(self, number: int, caches: tuple[int, ...], prompt: int, text: tuple[int, ...], priority: int) -> None:
        self.number = number
        self.caches = caches
        self.prompt = prompt
        self.text = text
        self.priority = priority
        self.stage = Stage.CONTEXT
        self.cursor = 0
        self.chunk = 0
        self.outstanding = 0
        self.snapshot: int | None = None
        self.scheduled = False
        self.resumed = False
        self.has_caches = False
        self.row: int | None = None
        self.position: int | None = None
        self.fresh = False
