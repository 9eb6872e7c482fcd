"""What a call of the executor can be refused for."""

from __future__ import annotations

from typing import Literal, NoReturn

from kvproof.impl.refusals import Refused

Reason = Literal[
    "request-in-use",
    "empty-prompt",
    "too-long",
    "pass-open",
    "no-pass",
    "context-has-begun",
    "not-generating",
    "no-context",
    "scheduled",
    "in-flight",
    "not-in-flight",
    "unknown",
]


def refuse(reason: Reason, message: str) -> NoReturn:
    """Raise Refused for one of these reasons."""
    raise Refused(reason, message)
