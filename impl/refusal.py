"""What an operation can end in besides success: a refusal (the caller's doing) or a protocol fault (ours)."""

from __future__ import annotations

from typing import Literal

Reason = Literal[
    "sequence-in-use",
    "empty-prompt",
    "sequence-too-long",
    "prompt-exceeds-pool",
    "no-free-blocks",
    "unknown-sequence",
    "empty-append",
    "not-cached",
    "in-use",
    "not-on-primary",
    "no-host-block",
    "pin-limit",
    "not-pinned",
    "empty-batch",
    "chunk-below-block",
    "over-token-budget",
    "prefill-complete",
    "prefill-incomplete",
    "rewind-nothing",
    "rewind-too-far",
    "rewind-into-cached",
]


class Refused(Exception):
    """An operation was refused before it changed anything.

    Args:
        reason: one of `Reason`, for programs.
        message: the thing, the value and the remedy, for people.
    """

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[Refused], tuple[Reason, str]]:
        return type(self), (self.reason, self.message)


class ProtocolError(RuntimeError):
    """A step was taken out of turn: a bug in the block manager or in code that extends it, never the caller's.

    The state is not rolled back, since nothing says what of it can still be trusted.
    """


def primary_blocks(count: int) -> str:
    """For messages: so many primary blocks."""
    return f"{count} primary block{'' if count == 1 else 's'}"


def are(count: int) -> str:
    """For messages: how many are, or that one is."""
    return f"{count} {'is' if count == 1 else 'are'}"
