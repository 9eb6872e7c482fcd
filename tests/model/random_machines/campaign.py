"""Many random machines, one after the other, on some processes: `python tests/model/random_machines/campaign.py --help`.

Each machine is run in every way; every `--check-every`-th, a small one, is explored and checked as well; every
`--spoil-every`-th has something wrong in it. What fails is kept as a file, with its seed in the name, as it was
generated and with as little in it as possible. An interrupt ends the campaign with the account so far.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import time
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parents[1])]

from random_machines.agreement import Difference, compared
from random_machines.checkers import checked
from random_machines.generator import machine_text
from random_machines.malformed import malformed
from random_machines.smaller import smaller

ENGINES_EVERY = 10
"""Calls of every so many machines are asked of both solvers too."""

TOO_WIDE = "cases, at most"
"""Part of what is said where an integer would have to be split into more cases than a circuit may have."""


def tried(job: tuple[str, int]) -> tuple[str, int, list[Difference], Counter[str], float]:
    """Try the machine that a sort (run, check or spoil) and a seed name."""
    sort, seed = job
    started = time.monotonic()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python, about odd expressions
        found, counted = _differences(text_of(sort, seed), sort, seed, f"random_{sort}_{seed}")
    return sort, seed, found, counted, time.monotonic() - started


def text_of(sort: str, seed: int) -> str:
    """The machine's text; every other one that is run is small, as all are that are checked."""
    text = machine_text(seed, small=sort == "check" or seed % 2 == 1)
    return malformed(text, seed) if sort == "spoil" else text


def _told(refused: str, counted: Counter[str]) -> list[Difference]:
    """The refusal of a machine that is in the language: a failure, unless its numbers are more than a circuit takes."""
    if TOO_WIDE in refused:
        counted["too wide for a circuit"] += 1
        return []
    return [Difference("refused", refused)] if refused else []


def _differences(text: str, sort: str, seed: int, name: str) -> tuple[list[Difference], Counter[str]]:
    if sort == "check":
        both = checked(text, name, "z3" if seed % 4 == 0 else "cadical")
        return [*both.differences, *_told(both.refused, both.verdicts)], both.verdicts
    engines = ("cadical", "z3") if seed % ENGINES_EVERY == 0 else ()
    ran = compared(text, name, seed, engines=engines)
    if sort == "spoil":
        return ran.differences, Counter({"spoilt and refused" if ran.refused else "spoilt and run": 1})
    return [*ran.differences, *_told(ran.refused, ran.outcomes)], ran.outcomes


def kept(job: tuple[str, int], differences: list[Difference], folder: Path, attempts: int) -> Path:
    """Keep a machine that failed."""
    sort, seed = job
    folder.mkdir(parents=True, exist_ok=True)
    text, wanted = text_of(sort, seed), differences[0].kind
    count = 0

    def fails(candidate: str) -> bool:
        nonlocal count
        count += 1
        found, _ = _differences(candidate, sort, seed, f"random_{sort}_{seed}_{count}")
        return any(difference.kind == wanted for difference in found)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        less = smaller(text, fails, attempts) if attempts else ""
    told = "\n".join(f"# {d.kind}: {line}" for d in differences for line in d.told.splitlines())
    (folder / f"{sort}_{seed}.py").write_text(f"{text}\n{told}\n")
    if less:
        (folder / f"{sort}_{seed}_small.py").write_text(f"{less}\n{told}\n")
    return folder / f"{sort}_{seed}.py"


def _jobs(first: int, machines: int, check_every: int, spoil_every: int) -> Iterator[tuple[str, int]]:
    for seed in range(first, first + machines):
        if check_every and seed % check_every == 0:
            yield "check", seed
        elif spoil_every and seed % spoil_every == 1:
            yield "spoil", seed
        else:
            yield "run", seed


def main(arguments: list[str] | None = None) -> int:
    """Run a campaign; 0 when nothing failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--machines", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="the first machine's")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--check-every", type=int, default=20, help="explore and check every so many machines; 0: none")
    parser.add_argument("--spoil-every", type=int, default=10, help="spoil every so many machines; 0: none")
    parser.add_argument("--out", type=Path, default=Path("random_machines_failed"), help="where failing ones are kept")
    parser.add_argument("--smaller", type=int, default=300, help="attempts to make a failing machine smaller")
    given = parser.parse_args(arguments)
    started, done, counted = time.monotonic(), 0, Counter[str]()
    failed: dict[str, list[str]] = {}
    spent = Counter[str]()
    jobs = _jobs(given.seed, given.machines, given.check_every, given.spoil_every)
    # Machines are remembered for as long as a process lives: processes are replaced.
    with multiprocessing.get_context("spawn").Pool(given.jobs, maxtasksperchild=20) as pool:
        try:
            for sort, seed, differences, outcomes, seconds in pool.imap_unordered(tried, jobs, chunksize=10):
                done += 1
                counted.update(outcomes)
                spent[sort] += round(1000 * seconds)
                if differences:
                    known = failed.setdefault(differences[0].kind, [])
                    known.append(f"{sort} {seed}")
                    print(f"{sort} {seed}: {differences[0].kind}: {differences[0].told[-300:]}", flush=True)
                    kept((sort, seed), differences, given.out, given.smaller if len(known) <= 2 else 0)
                if done % 250 == 0:
                    rate = done / (time.monotonic() - started)
                    print(f"{done} machines, {rate:.1f}/s, {sum(map(len, failed.values()))} failed", flush=True)
        except KeyboardInterrupt:
            print("interrupted")
    seconds = time.monotonic() - started
    print(f"{done} machines in {seconds:.0f} s ({done / seconds:.1f}/s); seeds from {given.seed}")
    print(", ".join(f"{count} {name}" for name, count in sorted(counted.items())))
    print(", ".join(f"{sort}: {total / 1000:.0f} s" for sort, total in spent.items()))
    for kind, seeds in failed.items():
        print(f"FAILED {kind}: {len(seeds)}: {', '.join(seeds[:10])}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
