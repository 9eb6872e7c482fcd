"""What an operation on a sequence cache can be refused for."""

from __future__ import annotations

from typing import Literal

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
