"""Everything that needs a GPU, and one summary to keep: `python tests/bench/gpu_report.py --keep report.md`.

Runs, each as a process of its own with its output in a log: the tests marked gpu, compute-sanitizer on the tests of the
kernels, the benchmark, and the lockstep fuzz on the CUDA device. What is not there is named with the reason, never
passed over. Works from the repository, with kvproof installed or not.

`--only tests,bench` runs parts; several runs with one `--keep` file make one report. Exit status: 0 all is well, 1
something failed, 2 there is no GPU.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("spec", "model", "impl", "fuzz")
TESTS = ROOT / "tests" / "impl"
KERNEL_TESTS = (str(TESTS / "device" / "test_cuda_copies.py"), str(TESTS / "device" / "test_cuda_pattern.py"))
PARTS = ("machine", "tests", "sanitizer", "bench", "fuzz")
FUZZ_TARGET = "kvproof.fuzz.targets.block_manager:cuda"
SANITIZER_STATUS = 7
PLANTED = """
from kvproof.impl.device.cuda_driver import Kernel
from kvproof.impl.device.cuda_torch import driver_of
driver = driver_of(0)
memory, stream = driver.device_memory(256), driver.new_stream()
driver.launch(stream, Kernel.COPY_SPAN, 1, (memory.address + 240, memory.address, 32))
driver.synchronize(stream)
"""
TARGET_COUNT = 1024
"""The targets are read off at batches of so many copies: what an iteration of a loaded engine moves."""


class Part(NamedTuple):
    """One section of the report."""

    name: str
    ok: bool
    lines: list[str]


class Ran(NamedTuple):
    """A command that has ended."""

    status: int
    output: str
    seconds: float


Run = Callable[[str, Sequence[str], int], Ran]
"""Runs a command (log name, arguments, seconds at most)."""


def runner(logs: Path, environment: Mapping[str, str]) -> Run:
    """Runs in the repository, keeps the output in `logs`; a command that takes too long has status 124."""

    def run(name: str, command: Sequence[str], seconds: int) -> Ran:
        start, log = time.monotonic(), logs / f"{name}.log"
        with log.open("w", encoding="utf-8") as output:
            try:
                status = subprocess.run(
                    command,
                    cwd=ROOT,
                    env=environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=seconds,
                    check=False,
                ).returncode
            except subprocess.TimeoutExpired:
                status = 124
        return Ran(status, log.read_text(encoding="utf-8", errors="replace"), time.monotonic() - start)

    return run


def environment(folder: Path) -> dict[str, str]:
    """That of this process, with kvproof importable: made so in `folder` when it is not installed."""
    made = dict(os.environ)
    # Streams that share one of the eight queues that there are by default would wait for each other's gates.
    made.setdefault("CUDA_DEVICE_MAX_CONNECTIONS", "32")
    if find_spec("kvproof") is None:
        inside = folder / "kvproof"
        inside.mkdir(parents=True)
        for package in PACKAGES:
            (inside / package).symlink_to(ROOT / package)
        made["PYTHONPATH"] = os.pathsep.join(filter(None, (str(folder), made.get("PYTHONPATH"))))
    return made


def machine(run: Run) -> Part:
    """What there is."""
    code = (
        "import torch; from kvproof.impl.device.cuda_torch import driver_of; d = driver_of(0); "
        "print(f'torch {torch.__version__}, {d.name}, capability {d.capability}, {d.multiprocessors} multiprocessors, '"
        "f'driver for CUDA {d.version()}')"
    )
    found = run("machine", [sys.executable, "-c", code], 120)
    lines = [f"Python {platform.python_version()}, {platform.platform()}, {os.cpu_count()} processors"]
    lines.append(found.output.strip().splitlines()[-1] if found.output.strip() else "no output")
    if shutil.which("nvidia-smi"):
        query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,pcie.link.gen.max,pcie.link.width.max"]
        lines.append(run("nvidia_smi", [*query, "--format=csv,noheader"], 60).output.strip())
    return Part("machine", found.status == 0, lines)


def tests(run: Run) -> Part:
    """The tests marked gpu."""
    ran = run(
        "tests",
        [
            sys.executable,
            "-m",
            "pytest",
            "-m",
            "gpu",
            "-rfE",
            "--continue-on-collection-errors",
            *map(str, sorted(TESTS.rglob("test_cuda*.py"))),
        ],
        540,
    )
    lines = test_lines(ran)
    return Part("tests", ran.status == 0 and " passed" in lines[-1], lines)  # all skipped is not well


def test_lines(ran: Ran) -> list[str]:
    """The totals, and what failed."""
    lines = re.findall(r"^(?:FAILED|ERROR) .*$", ran.output, re.MULTILINE)
    totals = re.findall(r"^.*\b\d+ (?:passed|failed|skipped|deselected|error).*$", ran.output, re.MULTILINE)
    if ran.status == 124:
        lines.append("stopped: took too long")
    return [*lines, totals[-1].strip("= ") if totals else f"no totals (status {ran.status}); see the log"]


def sanitizer(run: Run) -> Part:
    """compute-sanitizer on the tests of the kernels, those without gates."""
    tool = shutil.which("compute-sanitizer") or shutil.which("compute-sanitizer", path="/usr/local/cuda/bin")
    if tool is None:
        return Part("sanitizer", True, ["not run: compute-sanitizer is not on this machine"])
    # What the libraries try and take no offence at is no error of the kernels; our own calls look at each result. Without
    # torch's caching each allocation has bounds of its own.
    options = ("--target-processes", "all", "--report-api-errors", "no", "--error-exitcode", str(SANITIZER_STATUS))
    start = ("env", "PYTORCH_NO_CUDA_MEMORY_CACHING=1", tool, *options, "--tool")
    planted = run("sanitizer_planted", [*start, "memcheck", sys.executable, "-c", PLANTED], 300)
    ok = planted.status == SANITIZER_STATUS
    lines = [
        f"a planted write past the end of an allocation: {'found' if ok else 'NOT FOUND: the rest proves nothing'}"
    ]
    for kind in ("memcheck", "initcheck"):
        command = [*start, kind, sys.executable, "-m", "pytest", "-m", "gpu", "-x", *KERNEL_TESTS]
        ran = run(f"sanitizer_{kind}", command, 540)
        summary = re.findall(r"ERROR SUMMARY: .*", ran.output)
        totals = test_lines(ran)[-1]
        ok &= ran.status == 0 and bool(summary) and " passed" in totals
        lines.append(f"{kind}: {summary[-1] if summary else 'no summary'}; {totals}")
    return Part("sanitizer", ok, lines)


def bench(run: Run, figures: Path) -> Part:
    """The benchmark, read against its targets."""
    script = str(ROOT / "tests" / "bench" / "bench_cuda_copies.py")
    ran = run("bench", [sys.executable, script, "--json", str(figures), "--table", f"{figures}.table"], 540)
    if ran.status != 0 or not figures.exists():
        return Part("bench", False, [f"status {ran.status}; see the log", *ran.output.strip().splitlines()[-3:]])
    ok, lines = targets(json.loads(figures.read_text(encoding="utf-8")))
    return Part("bench", ok, [*lines, "", "```", ran.output.strip(), "```"])


def targets(figures: Mapping[str, Any]) -> tuple[bool, list[str]]:
    """Whether the figures reach what was set for them, and a line for each."""
    lines = [f"one large copy, {towards}: {rate / 1e9:.1f} GB/s" for towards, rate in figures["peaks"].items()]
    verdicts = []
    for towards in ("host to device", "device to host"):
        peak = figures["peaks"][towards]
        for size, least in ((1 << 14, 0.6), (1 << 18, 0.9), (1 << 21, 0.9)):
            shares = {
                way: rate / peak
                for direction, way, bytes_, count, rate in figures["copies"]
                if (direction, bytes_, count) == (towards, size, TARGET_COUNT)
            }
            if not shares:
                verdicts.append((False, f"{towards}, {size >> 10} KiB: not measured in batches of {TARGET_COUNT}"))
                continue
            way = max(shares, key=lambda each: shares[each])
            others = ", ".join(f"{each} {share:.0%}" for each, share in shares.items() if each != way)
            verdicts.append(
                (
                    shares[way] >= least,
                    f"{towards}, {size >> 10} KiB: {way} {shares[way]:.0%} ({others}); target {least:.0%}",
                )
            )
    share = figures["pattern"]["check"] / (2 * figures["peaks"]["device to device"])
    verdicts.append((share >= 0.8, f"pattern check: {share:.0%} of the device's copy bandwidth; target 80%"))
    host = figures["host"]
    share = host["us_per_block"] / host["us_copy_256_kib"]
    verdicts.append(
        (
            share < 0.05,
            f"bookkeeping: {host['us_per_block']:.2f} us a block, {share:.0%} of its copy at 256 KiB; target 5%",
        )
    )
    lines += [f"{'reached' if good else 'MISSED'}: {line}" for good, line in verdicts]
    return all(good for good, _ in verdicts), lines


def fuzz(run: Run, seconds: int, out: Path) -> Part:
    """Lockstep on the CUDA device."""
    code = "from kvproof.fuzz.command_line import main; main()"
    command = [
        sys.executable,
        "-c",
        code,
        "fuzz",
        "--target",
        FUZZ_TARGET,
        "--seconds",
        str(seconds),
        "--out",
        str(out),
    ]
    ran = run("fuzz", command, seconds + 120)
    return Part(
        "fuzz",
        ran.status == 0,
        [f"status {ran.status} after {ran.seconds:.0f} s", *ran.output.strip().splitlines()[-12:]],
    )


def report(parts: Sequence[Part]) -> str:
    """The parts as text: Markdown."""
    sections = [f"## {part.name}: {'ok' if part.ok else 'FAILED'}\n\n" + "\n".join(part.lines) for part in parts]
    return "\n\n".join(sections) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, keep."""
    parser = argparse.ArgumentParser(description="Tests, checks and benchmarks on a GPU, with a summary to keep.")
    parser.add_argument("--keep", type=Path, help="append the summary to this file")
    parser.add_argument(
        "--only", default=",".join(PARTS), help=f"parts, with commas: {', '.join(PARTS)} (default: all)"
    )
    parser.add_argument("--logs", type=Path, help="folder for the logs and figures (default: a new one)")
    parser.add_argument("--fuzz-seconds", type=int, default=600)
    given = parser.parse_args(arguments)
    wanted = given.only.split(",")
    unknown = set(wanted) - set(PARTS)
    if unknown:
        parser.error(f"--only: there is no part {min(unknown)!r}; there are {', '.join(PARTS)}")
    logs = Path(tempfile.mkdtemp(prefix="gpu_report_")) if given.logs is None else given.logs.resolve()
    logs.mkdir(parents=True, exist_ok=True)
    run = runner(logs, environment(Path(tempfile.mkdtemp(prefix="kvproof_"))))
    probe = "from kvproof.impl.device.cuda_torch import unavailable as why; exit(why())"
    found = run("probe", [sys.executable, "-c", probe], 120)
    if found.status != 0:
        print(f"no GPU, nothing was run: {found.output.strip()}", file=sys.stderr)
        return 2
    steps: dict[str, Callable[[], Part]] = {
        "machine": lambda: machine(run),
        "tests": lambda: tests(run),
        "sanitizer": lambda: sanitizer(run),
        "bench": lambda: bench(run, logs / "figures.json"),
        "fuzz": lambda: fuzz(run, given.fuzz_seconds, logs / "traces"),
    }
    parts = []
    for name in PARTS:
        if name in wanted:
            print(f"{name} ...", file=sys.stderr, flush=True)
            parts.append(steps[name]())
    text = report(parts)
    print(text)
    print(f"logs: {logs}")
    if given.keep is not None:
        with given.keep.open("a", encoding="utf-8") as kept:
            kept.write(text)
    return 0 if all(part.ok for part in parts) else 1


if __name__ == "__main__":
    sys.exit(main())
