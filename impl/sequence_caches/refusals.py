"""What an operation on a sequence cache can be refused for."""

from __future__ import annotations

from typing import Literal

CacheError = Literal[
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


class CacheRefused(Exception):
    """An operation was refused before it changed anything.

    Args:
        error: one of `CacheError`, for programs.
        message: the thing, the value and the remedy, for people.
    """

    def __init__(self, error: CacheError, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message

    def __reduce__(self) -> tuple[type[CacheRefused], tuple[CacheError, str]]:
        return type(self), (self.error, self.message)
