"""What an operation can end in besides success: a refusal (the caller's doing) or a protocol fault (ours)."""

from __future__ import annotations


class Refused(Exception):
    """An operation was refused before it changed anything.

    Args:
        reason: one word for programs; each manager has a `Reason` that lists its own.
        message: the thing, the value and the remedy, for people.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    def __reduce__(self) -> tuple[type[Refused], tuple[str, str]]:
        return type(self), (self.reason, self.message)


class ProtocolError(RuntimeError):
    """A step was taken out of turn: a bug in a manager or in code that extends it, never the caller's.

    The state is not rolled back, since nothing says what of it can still be trusted.
    """
