"""What the bytes of a page of sequence caches must be: a function of the tokens up to it, its kind, and layer and role.

A page has several *planes*, one for each layer and role (keys, values) that lie in it. The KV data of a token in a plane
are a link of the plane's own hash chain over the path (see `kvproof.fuzz.content`), and planes of different kinds of pages
have different chains, so data of another token, layer, role or life cycle never pass. A recurrent state is the link after
all tokens that it has seen, in each of its planes: eight bytes that depend on every token so far.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from kvproof.fuzz.content import BYTES_PER_TOKEN, pattern
from kvproof.fuzz.target import Content
from kvproof.impl.device import Pool

FULL, WINDOW, STATE = range(3)
"""Kinds of pages, as the machine numbers them."""

KIND_NAMES = ("FULL", "WINDOW", "STATE")

PLANES_MAX = 8
"""Planes of one kind, at most: so far apart are the layers as which the planes of two kinds are told."""

Path = tuple[int, ...]


def plane_pools(tokens: int) -> tuple[Pool, ...]:
    """Keys and values of one layer, side by side."""
    return (Pool(tokens * BYTES_PER_TOKEN, layers=2),)


def layered_plane_pools(tokens: int) -> tuple[Pool, ...]:
    """Two planes that lie layer first, and one in a pool of its own: every way in which pitches and pools can differ."""
    plane_bytes = tokens * BYTES_PER_TOKEN
    return Pool(plane_bytes, layers=2, layer_first=True), Pool(plane_bytes)


class PageBytes:
    """The bytes of pages of `planes` planes and `tokens` tokens a block."""

    def __init__(self, tokens: int, planes: int) -> None:
        self.tokens = tokens
        self._planes = planes

    def writes(self, kind: int, path: Path, start: int) -> Iterator[tuple[int, bytes]]:
        """What a kernel writes when it has computed the tokens `path[start:]`, all of one block: offsets and bytes.

        Of a recurrent state `start` means nothing: it is written as a whole.
        """
        if kind == STATE:
            start, first, pitch = len(path) - 1, 0, BYTES_PER_TOKEN
        else:
            first, pitch = start % self.tokens * BYTES_PER_TOKEN, self.tokens * BYTES_PER_TOKEN
        for plane in range(self._planes):
            yield plane * pitch + first, pattern(path, start, _layer(kind, plane))

    def contents(self, where: str, kind: int, path: Path, data: bytes) -> Iterator[Content]:
        """The image of a page whose last computed token is the last of `path`, as the contents of its planes."""
        size = 1 if kind == STATE else self.tokens
        start = (len(path) - 1) // size * size
        there, pitch = (len(path) - start) * BYTES_PER_TOKEN, size * BYTES_PER_TOKEN
        for plane in range(self._planes):
            bytes_there = data[plane * pitch : plane * pitch + there]
            yield Content(f"plane {plane} of {where}", path, start, bytes_there, _layer(kind, plane))


def _layer(kind: int, plane: int) -> int:
    return kind * PLANES_MAX + plane


class Tokens:
    """The tokens of each open cache: those of its text, then numbers that no other cache ever has."""

    def __init__(self, tokens_per_block: int, blocks_max: int) -> None:
        self._size = tokens_per_block
        self._limit = blocks_max * tokens_per_block
        self._private = 1 << 32  # beyond what any text has
        self._tokens: dict[int, Path] = {}

    def of_text(self, text: Iterable[Any]) -> Path:
        """The tokens of the full blocks that a text has; its chunks are numbers."""
        return tuple(int(chunk) * self._size + place for chunk in text for place in range(self._size))

    def open(self, cache: int, text: Path) -> None:
        """A cache has been created."""
        told = self.of_text(text)
        self._tokens[cache] = told + tuple(range(self._private, self._private + self._limit - len(told)))
        self._private += self._limit

    def shut(self, cache: int) -> None:
        """A cache has been closed."""
        del self._tokens[cache]

    def path(self, cache: int, length: int) -> Path:
        """The first tokens of an open cache."""
        return self._tokens[cache][:length]
