"""Reading request traces: what is taken, and what the errors say."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from workload_cases import SHARED_TRACES

from kvproof.fuzz.workload.request_trace import Request, RequestTraceError, read_requests

GOOD = {"timestamp": 5, "input_length": 700, "output_length": 3, "hash_ids": [0, 7]}


def written(folder: Path, *lines: object, name: str = "trace.jsonl") -> Path:
    path = folder / name
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_each_line_is_a_request(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, {**GOOD, "timestamp": 9, "session": "ignored"})

    assert read_requests(path) == [Request(5, 700, 3, (0, 7)), Request(9, 700, 3, (0, 7))]


def test_a_gzipped_trace_is_known_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(gzip.compress(json.dumps(GOOD).encode()))

    assert len(read_requests(path)) == 1


def test_lines_behind_the_limit_are_not_looked_at(tmp_path: Path) -> None:
    path = written(tmp_path, GOOD, "nonsense")

    assert len(read_requests(path, limit=1)) == 1


def without(name: str) -> dict[str, object]:
    return {key: value for key, value in GOOD.items() if key != name}


@pytest.mark.parametrize(
    ("line", "field", "told"),
    [
        ("{", "", "is no JSON"),
        ("", "", "is empty"),
        ([1, 2], "", "is not an object"),
        (without("timestamp"), "timestamp", "is missing"),
        (without("input_length"), "input_length", "is missing"),
        (without("output_length"), "output_length", "is missing"),
        (without("hash_ids"), "hash_ids", "is missing"),
        ({**GOOD, "timestamp": -1}, "timestamp", "-1"),
        ({**GOOD, "timestamp": 6.5}, "timestamp", "6.5"),
        ({**GOOD, "timestamp": 4}, "timestamp", "4 is before the 5"),
        ({**GOOD, "input_length": 0, "hash_ids": []}, "input_length", "0"),
        ({**GOOD, "input_length": "700"}, "input_length", '"700"'),
        ({**GOOD, "output_length": -3}, "output_length", "-3"),
        ({**GOOD, "output_length": True}, "output_length", "true"),
        ({**GOOD, "hash_ids": 7}, "hash_ids", "7 is not a list"),
        ({**GOOD, "hash_ids": [0, "x"]}, "hash_ids[1]", '"x"'),
        ({**GOOD, "hash_ids": [0, -7]}, "hash_ids[1]", "-7"),
        ({**GOOD, "hash_ids": [0]}, "hash_ids", "has 1 ids, but 700 tokens are 2 blocks"),
    ],
)
def test_a_malformed_line_is_named_with_its_field_and_value(
    tmp_path: Path, line: object, field: str, told: str
) -> None:
    path = written(tmp_path, GOOD, line)

    with pytest.raises(RequestTraceError) as caught:
        read_requests(path)

    assert str(caught.value).startswith(f"{path}, line 2: {field}")
    assert told in str(caught.value)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestTraceError, match=r"nothing\.jsonl: cannot be read: No such file"):
        read_requests(tmp_path / "nothing.jsonl")


def test_a_file_without_a_request_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RequestTraceError, match="has no request"):
        read_requests(written(tmp_path))


def test_broken_gzip_data_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl.gz"
    path.write_bytes(gzip.compress(json.dumps(GOOD).encode() * 100)[:-20])

    with pytest.raises(RequestTraceError, match="broken gzip data"):
        read_requests(path)


def test_bytes_that_are_no_text_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "trace.jsonl"
    path.write_bytes(json.dumps(GOOD).encode() + b"\n\xff\xfe\n")

    with pytest.raises(RequestTraceError, match="line 2: is no UTF-8 text"):
        read_requests(path)


def test_the_recorded_trace_is_read() -> None:
    path = SHARED_TRACES / "mooncake_conversation_s6.jsonl.gz"
    if not path.exists():
        pytest.skip("the recorded traces are not beside this checkout, in ../shared/traces")

    requests = read_requests(path)

    assert len(requests) == 2049
    assert max(request.prompt_blocks for request in requests) <= 247
