"""Reading request traces: one JSON object a line, plain or gzipped.

`timestamp` (ms, never decreasing), `input_length` and `output_length` (tokens) and `hash_ids`, one for each block of
512 tokens of the input, the last one for a block that may be partly filled. Other fields are ignored. Reading is
strict otherwise: what does not fit is an error that names the file, the line, the field and its value.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from kvproof.fuzz.target import HarnessError

BLOCK_TOKENS = 512
"""Tokens that one hash id stands for."""

_GZIP_MAGIC = b"\x1f\x8b"
_SHOWN = 40
"""Characters of an offending value that a message shows."""


class RequestTraceError(HarnessError):
    """A request trace that cannot be used."""


@frozen
class Request:
    """One request.

    Attributes:
        timestamp: arrival, in milliseconds since the trace began.
        input_length: tokens of the prompt, at least 1.
        output_length: tokens generated.
        hash_ids: content of each block of the prompt; the last block is partly filled unless the length is a multiple
            of `BLOCK_TOKENS`.
    """

    timestamp: int
    input_length: int
    output_length: int
    hash_ids: tuple[int, ...]

    @property
    def prompt_blocks(self) -> int:
        """Blocks that the prompt needs."""
        return blocks_for(self.input_length)

    @property
    def total_length(self) -> int:
        """Tokens of prompt and output together."""
        return self.input_length + self.output_length


def blocks_for(tokens: int) -> int:
    """Blocks that this many tokens need, the last one perhaps partly filled."""
    return -(-tokens // BLOCK_TOKENS)


def read_requests(path: Path, limit: int | None = None) -> list[Request]:
    """The first `limit` requests of a trace, or all; lines behind these are not looked at.

    Raises:
        RequestTraceError: the file cannot be read, has no request, or a line is malformed.
    """
    requests: list[Request] = []
    for number, line in _lines(path):
        if limit is not None and len(requests) == limit:
            break
        request = _request(line, f"{path}, line {number}")
        if requests and request.timestamp < requests[-1].timestamp:
            raise RequestTraceError(
                f"{path}, line {number}: timestamp: {request.timestamp} is before the {requests[-1].timestamp} of the "
                "line above; sort the lines by timestamp"
            )
        requests.append(request)
    if not requests:
        raise RequestTraceError(f"{path}: has no request; write one JSON object a line")
    return requests


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    number = 0
    try:
        with path.open("rb") as probe:
            packed = probe.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        with gzip.open(path, "rb") if packed else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                yield number, line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestTraceError(
            f"{path}, line {number}: is no UTF-8 text ({error.reason}); is this a request trace?"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise RequestTraceError(
            f"{path}: broken gzip data after line {number}: {error}; fetch the file again"
        ) from error
    except OSError as error:
        raise RequestTraceError(
            f"{path}: cannot be read: {error.strerror or error}; give the path of a trace"
        ) from error


def _request(line: str, where: str) -> Request:
    if not line.strip():
        raise RequestTraceError(f"{where}: is empty; remove it, each line is one request")
    try:
        data = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        told = f"column {error.colno}: {error.msg}" if isinstance(error, json.JSONDecodeError) else "nested too deeply"
        raise RequestTraceError(
            f"{where}: {_shown_text(line.strip())} is no JSON ({told}); each line is one object"
        ) from error
    if not isinstance(data, dict):
        raise RequestTraceError(f'{where}: {_shown(data)} is not an object; write {{"timestamp": 0, ...}}')
    timestamp = _whole(data, "timestamp", 0, "milliseconds since the trace began", where)
    input_length = _whole(data, "input_length", 1, "tokens of the prompt", where)
    output_length = _whole(data, "output_length", 0, "tokens generated", where)
    return Request(timestamp, input_length, output_length, _hash_ids(data, input_length, where))


def _whole(data: dict[str, Any], name: str, least: int, meaning: str, where: str) -> int:
    value = _field(data, name, f"a whole number of at least {least}, {meaning}", where)
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise RequestTraceError(
            f"{where}: {name}: {_shown(value)} does not belong here; give a whole number of at least {least}, {meaning}"
        )
    return value


def _hash_ids(data: dict[str, Any], input_length: int, where: str) -> tuple[int, ...]:
    value = _field(data, "hash_ids", f"a list with one id for each {BLOCK_TOKENS} tokens of the prompt", where)
    if not isinstance(value, list):
        raise RequestTraceError(
            f"{where}: hash_ids: {_shown(value)} is not a list; give one id for each block of the prompt"
        )
    for position, item in enumerate(value):
        if isinstance(item, bool) or not isinstance(item, int) or item < 0:
            raise RequestTraceError(
                f"{where}: hash_ids[{position}]: {_shown(item)} is no id; ids are whole numbers from 0"
            )
    wanted = blocks_for(input_length)
    if len(value) != wanted:
        raise RequestTraceError(
            f"{where}: hash_ids: has {len(value)} ids, but {input_length} tokens are {wanted} blocks of "
            f"{BLOCK_TOKENS}; give one id for each, the partly filled last one included"
        )
    return tuple(value)


def _field(data: dict[str, Any], name: str, meaning: str, where: str) -> Any:
    if name not in data:
        raise RequestTraceError(f"{where}: {name}: is missing from {_shown(data)}; it must be {meaning}")
    return data[name]


def _shown(value: Any) -> str:
    return _shown_text(json.dumps(value))


def _shown_text(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
