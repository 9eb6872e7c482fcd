"""`kvproof workload`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

import click
from rich.console import Console
from rich.markup import escape

from kvproof.fuzz.machines import subject_named
from kvproof.fuzz.shell.options import folder
from kvproof.fuzz.targets.block_manager import ManagerFactory
from kvproof.fuzz.targets.executor import ExecutorFactory, ExecutorTarget
from kvproof.fuzz.workload.cache_report import show_cache_run
from kvproof.fuzz.workload.cache_run import CHECK_EVERY as OFTEN
from kvproof.fuzz.workload.cache_run import DELAYS, Sizes, prepare_caches
from kvproof.fuzz.workload.console import Manager, run_to_the_end
from kvproof.fuzz.workload.generate import TraceGenerator, shape_of, write_requests
from kvproof.fuzz.workload.report import show_run, show_shape
from kvproof.fuzz.workload.request_trace import read_requests
from kvproof.fuzz.workload.run import CHECK_EVERY, prepare
from kvproof.impl.block_manager import BlockManager
from kvproof.impl.executor import Executor

TRACES = Path(".kvproof") / "traces"


@click.command("workload")
@click.argument("trace", type=click.Path(path_type=Path), required=False)
@click.option(
    "--manager",
    type=click.Choice(["block-manager", "sequence-caches"]),
    default="block-manager",
    show_default=True,
    help="What is replayed on: blocks, or sequence caches with an executor over them.",
)
@click.option("--primary", type=int, help="Blocks of 512 tokens in device memory, at least 1.")
@click.option("--secondary", type=int, help="Blocks of 512 tokens in host memory; 0 for none.")
@click.option("--limit", type=click.IntRange(min=1), help="Replay only so many requests.")
@click.option(
    "--check-every",
    type=click.IntRange(min=1),
    help=f"Changes between two comparisons of whole states.  [default: {CHECK_EVERY}, sequence caches {OFTEN}]",
)
@click.option(
    "--delay", type=click.Choice(list(DELAYS)), help="What holds prompts back.  [sequence caches; default: wait]"
)
@click.option("--overlap/--no-overlap", default=None, help="Schedule ahead.  [sequence caches; default: overlap]")
@click.option(
    "--window", type=click.IntRange(min=1), help="Blocks of a sliding window of half of the layers.  [sequence caches]"
)
@click.option("--states", type=click.IntRange(min=1), help="Recurrent states in device memory.  [sequence caches]")
@click.option("--drafts", type=click.IntRange(min=1), help="Tokens that a draft model adds to each.  [sequence caches]")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    callback=folder,
    default=TRACES,
    show_default=True,
    help="For traces of a divergence.",
)
@click.option(
    "--generate", type=click.Path(path_type=Path), help="Write a request trace here instead of replaying one."
)
@click.option("--requests", type=click.IntRange(min=1), default=2_000, show_default=True, help="With --generate.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="With --generate.")
def command(
    trace: Path | None,
    manager: str,
    primary: int | None,
    secondary: int | None,
    limit: int | None,
    check_every: int | None,
    delay: str | None,
    overlap: bool | None,
    window: int | None,
    states: int | None,
    drafts: int | None,
    out: Path,
    generate: Path | None,
    requests: int,
    seed: int,
) -> None:
    """Replay a request trace (.jsonl or .jsonl.gz) through the specification and the implementation in lockstep.

    A scheduler estimates, selects within the token and block budgets, adds batches, and computes prompts in chunks of at
    most 8,192 tokens an iteration; in a tenth of the iterations its estimates are stale. Service times: 0.5 s and 30 ms
    for each output token. Full pools make requests wait, first come first served.

    With --manager sequence-caches, an executor schedules generating requests, then prompts in chunks of at most 8,192
    tokens; delay batching, other ranks and a connector hold some of them back, which are released; passes overlap.

    Exit status 1 on a divergence, which is written to --out as a trace; 2 for bad input; 130 after Ctrl-C.
    """
    console = Console()
    if generate is not None:
        if trace is not None:
            raise click.UsageError(f"--generate writes a trace, and {trace} is one to replay: give one of the two")
        _generate(console, generate, requests, seed)
        return
    if trace is None:
        raise click.UsageError("give the TRACE to replay, or --generate OUT to write one")
    if primary is None or secondary is None:
        raise click.UsageError("give both pool sizes: --primary N --secondary N, for instance 1024 and 8192")
    chosen: dict[str, Any] = {"delay": delay, "overlap": overlap, "window": window, "states": states, "drafts": drafts}
    given = {name: value for name, value in chosen.items() if value is not None}
    if manager == "sequence-caches":
        _replay_caches(console, trace, limit, Sizes(primary, secondary, **given), check_every or OFTEN, out)
    if given:
        raise click.UsageError(f"--{next(iter(given))} is of sequence caches: give --manager sequence-caches, too")
    _replay_blocks(console, trace, limit, primary, secondary, check_every or CHECK_EVERY, out)


def _replay_blocks(
    console: Console, trace: Path, limit: int | None, primary: int, secondary: int, check_every: int, out: Path
) -> NoReturn:
    # Only now, as for the other manager: making a trace short brings the minimiser.
    from kvproof.fuzz.workload.shorten import Shortener, target_maker

    subject, make_manager = subject_named("block-manager"), block_manager()
    replayed = read_requests(trace, limit)
    run = prepare(replayed, subject, primary, secondary, check_every, make_manager)
    largest = max(request.prompt_blocks for request in replayed)
    if largest > primary:
        console.print(
            f"[yellow]the largest prompt needs {largest} blocks[/], the device pool has {primary}: "
            "such requests are rejected, and counted",
            highlight=False,
        )
    _begin(console, trace, f"{len(replayed):,} requests, {primary:,} device blocks, {secondary:,} host blocks")
    manager = Manager(
        subject.name,
        lambda whole, by_check: Shortener(subject, make_manager, by_check).shorten(whole),
        target_maker(make_manager),
    )
    run_to_the_end(console, run, lambda: show_run(console, run), manager, out)


def _replay_caches(
    console: Console, trace: Path, limit: int | None, sizes: Sizes, check_every: int, out: Path
) -> NoReturn:
    from kvproof.fuzz.workload.cache_shorten import CacheShortener

    subject, make_executor = subject_named("executor"), executor()
    replayed = read_requests(trace, limit)
    run = prepare_caches(replayed, subject, sizes, check_every, make_executor)
    pools = f"{sizes.primary:,} device pages, {sizes.secondary:,} host pages"
    _begin(console, trace, f"{len(replayed):,} requests, {pools}")
    manager = Manager(
        subject.name,
        lambda whole, by_check: CacheShortener(subject, make_executor, by_check).shorten(whole),
        lambda: ExecutorTarget(make_executor),
    )
    run_to_the_end(console, run, lambda: show_cache_run(console, run), manager, out)


def _begin(console: Console, trace: Path, told: str) -> None:
    console.print(f"{escape(str(trace))}: {told}", highlight=False, soft_wrap=True)


def block_manager() -> ManagerFactory:
    """What is driven beside the specification of blocks."""
    return BlockManager


def executor() -> ExecutorFactory:
    """What is driven beside that of sequence caches, through an executor."""
    return Executor


def _generate(console: Console, path: Path, count: int, seed: int) -> None:
    generator = TraceGenerator(seed)
    made = generator.requests(count)
    write_requests(path, made)
    show_shape(console, shape_of(made, generator.conversations))
    console.print(f"written: {path}", markup=False, highlight=False, soft_wrap=True)
