"""How fast a request trace is replayed, and where the time goes: `python tests/bench/bench_workload.py`.

Replays the recorded traces beside this checkout (`../shared/traces`) at the sizes for which issue 2 sets limits, and a
generated one where they are absent. Nothing is asserted about time; shown beside it are the limits, and what the replay
took before it went through a scheduler (issue 3: no more than 1.5 times that), on the two idle cores it was written on.
The full hour takes minutes: name `s6` or `full` to run only that one.
"""

from __future__ import annotations

import sys
from pathlib import Path
from time import process_time

from rich.console import Console

from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.workload.block_manager.prepare import prepare
from kvproof.fuzz.workload.generate import TraceGenerator
from kvproof.fuzz.workload.report import show_replay
from kvproof.fuzz.workload.request_trace import Request, read_requests

TRACES = Path(__file__).resolve().parents[3] / "shared" / "traces"

CASES = {
    "s6": ("mooncake_conversation_s6.jsonl.gz", 1_024, 8_192, 60, 13.4),
    "full": ("mooncake_conversation_full.jsonl.gz", 2_048, 16_384, 600, 103.7),
}
"""Trace, device blocks, host blocks, seconds allowed, seconds that it took one request at a time."""


def replay(
    console: Console, name: str, requests: list[Request], primary: int, secondary: int, allowed: int, before: float
) -> None:
    """One replay and its tables."""
    run = prepare(requests, subject_named("block-manager"), primary, secondary)
    started = process_time()
    run.execute()
    used = process_time() - started
    show_replay(console, run)
    told = "no divergence" if run.failure is None else run.failure.message
    console.print(f"{name}, {primary:,} + {secondary:,} blocks: {told}; {run.seconds:.1f} s, {used:.1f} s of one core")
    console.print(f"allowed: {allowed} s; one request at a time it took {before} s")


def main() -> None:
    """Run the cases named on the command line, or all."""
    console = Console()
    for name in sys.argv[1:] or CASES:
        trace, primary, secondary, allowed, before = CASES[name]
        path = TRACES / trace
        if path.exists():
            replayed = read_requests(path)
        else:
            console.print(f"{path} is absent: a generated trace instead")
            replayed, name = TraceGenerator(0).requests(2_000), f"generated for {name}"
        replay(console, name, replayed, primary, secondary, allowed, before)


if __name__ == "__main__":
    main()
