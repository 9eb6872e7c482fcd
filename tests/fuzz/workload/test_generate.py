"""Generated traces have the facts of the recorded ones."""

from __future__ import annotations

import gzip
from itertools import pairwise
from pathlib import Path

import pytest
from workload_cases import generated

from kvproof.fuzz.target import HarnessError
from kvproof.fuzz.workload.generate import GRID_MS, TraceGenerator, shape_of, write_requests
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request, blocks_for, read_requests


@pytest.fixture(scope="module")
def requests() -> list[Request]:
    return generated(600, seed=1)


def test_what_is_written_is_read_again(tmp_path: Path, requests: list[Request]) -> None:
    for name in ("trace.jsonl", "trace.jsonl.gz"):
        write_requests(tmp_path / "new" / name, requests)
        assert read_requests(tmp_path / "new" / name) == requests
    assert (tmp_path / "new" / "trace.jsonl.gz").read_bytes().startswith(b"\x1f\x8b")


def test_ids_are_one_for_each_block_and_times_never_decrease(requests: list[Request]) -> None:
    assert all(len(request.hash_ids) == blocks_for(request.input_length) for request in requests)
    assert all(one.timestamp <= other.timestamp for one, other in pairwise(requests))


def test_equal_ids_mean_equal_prefixes_and_there_is_one_root(requests: list[Request]) -> None:
    prefixes: dict[int, tuple[int, ...]] = {}
    for request in requests:
        for position, hash_id in enumerate(request.hash_ids):
            assert prefixes.setdefault(hash_id, request.hash_ids[:position]) == request.hash_ids[:position]
    assert [hash_id for hash_id, prefix in prefixes.items() if not prefix] == [0]


def test_a_partly_filled_block_has_an_id_of_its_own(requests: list[Request]) -> None:
    full = {i for request in requests for i in request.hash_ids[: request.input_length // BLOCK_TOKENS]}
    partial = {request.hash_ids[-1] for request in requests if request.input_length % BLOCK_TOKENS}

    assert not full & partial
    assert len(partial) > 0.9 * len(requests)


def test_conversations_grow_and_share(requests: list[Request]) -> None:
    shape = shape_of(requests)

    assert 0.25 < shape.reusable_blocks / shape.full_blocks < 0.6
    assert 10 < shape.blocks / shape.requests < 40
    assert shape.largest_prompt <= 247
    assert {request.timestamp % GRID_MS for request in requests} == {0}


def test_the_seed_decides() -> None:
    assert generated(50, seed=4) == generated(50, seed=4) != generated(50, seed=5)


def test_conversations_are_counted() -> None:
    generator = TraceGenerator(0)
    made = generator.requests(100)

    assert 20 < generator.conversations < len(made)


def test_a_place_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(HarnessError, match="cannot be written"):
        write_requests(tmp_path / "file" / "trace.jsonl", [])


def test_gzipped_traces_are_the_same_each_time(tmp_path: Path) -> None:
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_requests(tmp_path / name, generated(5))

    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()).count(b"\n") == 5
