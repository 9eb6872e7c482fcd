"""Tokens as the reuse tree sees them: a token id and an extra id in one integer.

An extra id tells apart what token ids alone do not, such as the images behind equal placeholder tokens. KV data may
only be shared where both agree (#13815, #14125), so everything that compares tokens compares the joined integer, and
nothing can forget the extra id. Without extra ids a joined token is its token id.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable

EXTRA_SHIFT = 32
UNSIGNED_32 = "I"  # a C unsigned int: 32 bits on every platform that CUDA has
TOKEN_MASK = (1 << EXTRA_SHIFT) - 1
"""The largest token id, and the largest extra id."""

Key = tuple[int, ...]
"""Joined tokens: the whole of a prompt or a path, or those of one block."""


def join_token(token: int, extra_id: int) -> int:
    """One integer for both; they order by extra id, then by token id."""
    return extra_id << EXTRA_SHIFT | token


def split_token(joined: int) -> tuple[int, int]:
    """The token id and the extra id of a joined token."""
    return joined & TOKEN_MASK, joined >> EXTRA_SHIFT


def join_tokens(tokens: Iterable[int], extra_ids: Iterable[int] | None) -> Key:
    """Joined tokens; no extra ids mean 0 for each.

    Raises:
        ValueError: an id outside 0..2**32-1, or not one extra id a token.
    """
    joined = tuple(tokens)
    _check_range("token ids", joined)
    if extra_ids is None:
        return joined
    extras = tuple(extra_ids)
    _check_range("extra ids", extras)
    if len(extras) != len(joined):
        raise ValueError(f"extra ids: {len(extras)} for {len(joined)} tokens; pass one for each, or None")
    return tuple(extra << EXTRA_SHIFT | token for token, extra in zip(joined, extras, strict=True))


def _check_range(name: str, values: Key) -> None:
    try:
        array(UNSIGNED_32, values)  # a comparison of each in Python would be the slowest part of an admission
    except OverflowError:
        wrong = next(value for value in values if not 0 <= value <= TOKEN_MASK)
        raise ValueError(f"{name}: {wrong} is not among 0..{TOKEN_MASK}") from None


def full_block_keys(tokens: Key, block_tokens: int) -> list[Key]:
    """The keys of the whole blocks of `tokens`; what is left at the end has none."""
    full = len(tokens) - len(tokens) % block_tokens
    return [tokens[start : start + block_tokens] for start in range(0, full, block_tokens)]
