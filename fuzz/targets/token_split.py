"""The machine's tokens and the implementation's: one number there, a token id and an extra id here.

Token t of the machine is the token id t % ids with the extra id t // ids, where `ids` is the number of token ids. An
implementation takes the two apart and tells of them joined in one integer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kvproof.impl.block_manager import split_token

Tokens = tuple[int, ...]

TOKEN_STEPS = {"begin": 1, "extend": 1, "attach": 2}
"""Steps that have tokens, and at which argument."""


class TokenSplit:
    """Translates tokens. With a single extra id, 0, both sides have the same."""

    def __init__(self, vocabulary: int, extra_ids: int) -> None:
        self._ids = vocabulary // extra_ids
        self._same = extra_ids == 1

    def parts(self, tokens: Tokens) -> tuple[Tokens, Tokens | None]:
        """Token ids and extra ids, the latter None where there are none."""
        if self._same:
            return tokens, None
        return tuple([token % self._ids for token in tokens]), tuple([token // self._ids for token in tokens])

    def machine_tokens(self, joined: Iterable[int]) -> Tokens:
        """The machine's tokens."""
        if self._same:
            return tuple(joined)
        pairs = map(split_token, joined)
        return tuple([extra_id * self._ids + token_id for token_id, extra_id in pairs])

    def machine_path(self, joined: Iterable[int] | None) -> list[int] | None:
        """A path as observations have it, None for a block that is not cached."""
        return None if joined is None else list(self.machine_tokens(joined))

    def machine_step(self, name: str, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
        """A step's arguments with the machine's tokens."""
        at = TOKEN_STEPS.get(name)
        if at is None or self._same:
            return arguments
        return (*arguments[:at], self.machine_tokens(arguments[at]), *arguments[at + 1 :])
