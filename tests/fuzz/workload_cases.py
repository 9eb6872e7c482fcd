"""What the tests of the replay share: small traces and runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.workload.block_manager.prepare import prepare
from kvproof.fuzz.workload.generate import TraceGenerator
from kvproof.fuzz.workload.replay import Replay
from kvproof.fuzz.workload.request_trace import BLOCK_TOKENS, Request

SHARED_TRACES = Path(__file__).resolve().parents[3] / "shared" / "traces"

SUBJECT = subject_named("block-manager")


def request(timestamp: int, ids: tuple[int, ...], *, partial: int = 100, output: int = 10) -> Request:
    """A request whose last block holds `partial` tokens."""
    return Request(timestamp, (len(ids) - 1) * BLOCK_TOKENS + partial, output, ids)


def generated(count: int, seed: int = 0) -> list[Request]:
    return TraceGenerator(seed).requests(count)


def executed(requests: list[Request], primary: int, secondary: int, **options: Any) -> Replay:
    """A finished run."""
    run = prepare(requests, SUBJECT, primary, secondary, **options)
    run.execute()
    return run
