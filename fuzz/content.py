"""The bytes that a token's KV data stand for: a function of the whole path of tokens up to and including it.

Each token's bytes are a link of a hash chain, so data of one prefix never equal data of another, and a block that is
moved, reused or overwritten wrongly is seen by reading it back. The chain is explicit so that a long sequence is
written block by block without walking it from its start again. Each layer has a chain of its own, so that data of one
layer never equal data of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from struct import pack

BYTES_PER_TOKEN = 8
"""Bytes of KV data that one token has in a layer in the harness; a real model has hundreds, the manager does not care."""

ROOT_LINK = 0x9E3779B97F4A7C15
"""The link before the first token: the golden ratio's 64 bits, any odd constant serves."""

LAYER_SALT = 0xD1B54A32D192ED03
"""Times its number, what sets the links of a layer apart from those of layer 0: an odd constant again."""

_MASK = (1 << 64) - 1


def next_link(link: int, token: int) -> int:
    """The 64-bit link of `token` after `link` (splitmix64's finaliser over both)."""
    mixed = (link ^ (token + 1) * 0xBF58476D1CE4E5B9) & _MASK
    mixed = ((mixed ^ mixed >> 30) * 0x94D049BB133111EB) & _MASK
    mixed = ((mixed ^ mixed >> 27) * 0xBF58476D1CE4E5B9) & _MASK
    return mixed ^ mixed >> 31


def extend(link: int, tokens: Iterable[int]) -> tuple[int, bytes]:
    """The bytes of `tokens` after `link`, and the link after them."""
    links = []
    for token in tokens:
        link = next_link(link, token)
        links.append(link)
    return link, pack(f"<{len(links)}Q", *links)


@lru_cache(maxsize=65536)
def link_after(path: tuple[int, ...], layer: int = 0) -> int:
    """The link after all tokens of `path` in a layer. Remembered, so use it for short paths."""
    link = ROOT_LINK ^ (layer * LAYER_SALT & _MASK)
    for token in path:
        link = next_link(link, token)
    return link


@lru_cache(maxsize=65536)
def pattern(path: tuple[int, ...], start: int, layer: int = 0) -> bytes:
    """A layer's bytes of tokens `path[start:]`: `BYTES_PER_TOKEN` for each. Remembered, so use it for short paths."""
    return extend(link_after(path[:start], layer), path[start:])[1]
