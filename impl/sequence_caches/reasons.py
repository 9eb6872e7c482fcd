"""What an operation on a sequence cache can be refused for."""

from __future__ import annotations

from typing import Literal, NoReturn

from kvproof.impl.refusals import Refused

Reason = Literal[
    "cache-in-use",
    "not-suspended",
    "device-full",
    "out-of-pages",
    "not-active",
    "bad-lengths",
    "window-in-scratch",
    "nothing-to-commit",
    "closed",
]


def refuse(reason: Reason, message: str) -> NoReturn:
    """Raise Refused for one of these reasons."""
    raise Refused(reason, message)
