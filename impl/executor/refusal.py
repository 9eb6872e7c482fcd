"""What a call of the executor can end in besides success."""

from __future__ import annotations

from typing import Literal

Error = Literal[
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


class ExecutorRefused(Exception):
    """A call was refused before it changed anything.

    Args:
        error: one of `Error`, for programs.
        message: the thing, the value and the remedy, for people.
    """

    def __init__(self, error: Error, message: str) -> None:
        super().__init__(message)
        self.error = error
        self.message = message

    def __reduce__(self) -> tuple[type[ExecutorRefused], tuple[Error, str]]:
        return type(self), (self.error, self.message)


class ExecutorError(RuntimeError):
    """A step was taken out of turn: a bug in the executor or in code that extends it, never the caller's."""
