"""What an operation of the block manager is refused for, and how that is said."""

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


def primary_blocks(count: int) -> str:
    """For messages: so many primary blocks."""
    return f"{count} primary block{'' if count == 1 else 's'}"


def are(count: int) -> str:
    """For messages: how many are, or that one is."""
    return f"{count} {'is' if count == 1 else 'are'}"
