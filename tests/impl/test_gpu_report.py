"""The command that runs everything on a GPU: what it makes of outputs and figures, and what it says without a GPU."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from calibration import CopyBench
from copy_table import read_table
from cuda_cases import REASON, HostDriver, host_driver

SCRIPT = Path(__file__).parents[1] / "bench" / "gpu_report.py"
BENCHMARK = SCRIPT.with_name("bench_cuda_copies.py")


def loaded(script: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(script.stem, script)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="module")
def module() -> ModuleType:
    """The script."""
    return loaded(SCRIPT)


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmark, at the smallest sizes."""
    monkeypatch.syspath_prepend(BENCHMARK.parent)
    made = loaded(BENCHMARK)
    few = made.requests(prefixes=40, seed=1)[:80]
    small = {"SIZES": (1 << 14, 1 << 15), "COUNTS": (1, 8), "PATTERN_CHECKS": 1, "ROUNDS": 1, "POOL": (256, 256)}
    for name, value in {**small, "PATTERN_BLOCKS": 4, "PATTERN_BLOCK_BYTES": 1 << 14}.items():
        monkeypatch.setattr(made, name, value)
    monkeypatch.setattr(made, "BOOKKEEPING_BLOCK_BYTES", 1 << 8)
    monkeypatch.setattr(made, "requests", lambda prefixes, seed: few)
    return made


def figures(**changes: Any) -> dict[str, Any]:
    """Figures that reach every target."""
    directions = ("host to device", "device to host", "device to device")
    copies = [
        [towards, way, size, 1024, rate * 50e9]
        for towards in directions
        for size, each, best in ((1 << 14, 0.2, 0.6), (1 << 18, 0.7, 0.9), (1 << 21, 0.95, 0.9))
        for way, rate in (("each", each), ("kernel", best))
    ]
    return {
        "peaks": dict.fromkeys(directions, 50e9),
        "copies": copies,
        "pattern": {"check": 80e9},
        "host": {"us_per_block": 0.2, "us_copy_256_kib": 5.0},
        **changes,
    }


def test_targets_that_are_reached(module: ModuleType) -> None:
    ok, lines = module.targets(figures())
    assert ok
    assert "reached: host to device, 16 KiB: kernel 60% (each 20%); target 60%" in lines
    assert "reached: device to host, 2048 KiB: each 95% (kernel 90%); target 90%" in lines
    assert "reached: pattern check: 80% of the device's copy bandwidth; target 80%" in lines
    assert "reached: bookkeeping: 0.20 us a block, 4% of its copy at 256 KiB; target 5%" in lines


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"peaks": dict.fromkeys(figures()["peaks"], 51e9)}, "MISSED: device to host, 16 KiB: kernel 59%"),
        ({"pattern": {"check": 79e9}}, "MISSED: pattern check: 79%"),
        ({"host": {"us_per_block": 0.3, "us_copy_256_kib": 5.0}}, "MISSED: bookkeeping: 0.30 us a block, 6%"),
        ({"copies": []}, "MISSED: host to device, 16 KiB: not measured in batches of 1024"),
    ],
)
def test_targets_that_are_missed(module: ModuleType, change: dict[str, Any], line: str) -> None:
    ok, lines = module.targets(figures(**change))
    assert not ok
    assert any(found.startswith(line) for found in lines)


@pytest.mark.parametrize(
    ("output", "status", "lines"),
    [
        ("...\n12 passed, 3 skipped in 1.23s\n", 0, ["12 passed, 3 skipped in 1.23s"]),
        (
            "F\nFAILED tests/a.py::test_b - x\n=== 1 failed in 2s ===",
            1,
            ["FAILED tests/a.py::test_b - x", "1 failed in 2s"],
        ),
        ("collecting", 124, ["stopped: took too long", "no totals (status 124); see the log"]),
    ],
)
def test_totals_of_a_test_run(module: ModuleType, output: str, status: int, lines: list[str]) -> None:
    assert module.test_lines(module.Ran(status, output, 0.0)) == lines


@pytest.mark.parametrize(("totals", "ok"), [("5 passed, 1 skipped in 1s", True), ("77 skipped in 1s", False)])
def test_a_run_in_which_everything_was_skipped_is_not_well(module: ModuleType, totals: str, ok: bool) -> None:
    assert module.tests(lambda *_: module.Ran(0, f"{totals}\n", 1.0)).ok is ok


@pytest.mark.parametrize(
    ("planted", "summaries", "ok"),
    [
        (7, ["0 errors", "0 errors"], True),
        (7, ["0 errors", "2 errors"], False),
        (7, ["0 errors", None], False),
        (0, ["0 errors", "0 errors"], False),
    ],
)
def test_sanitizer_finds_the_planted_error_and_no_other(
    module: ModuleType, monkeypatch: pytest.MonkeyPatch, planted: int, summaries: list[str | None], ok: bool
) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name, path=None: f"/bin/{name}")
    found = iter(summaries)

    def run(name: str, command: list[str], seconds: int) -> Any:
        if name == "sanitizer_planted":
            return module.Ran(planted, "", 1.0)
        summary = next(found)
        text = "" if summary is None else f"========= ERROR SUMMARY: {summary}\n"
        return module.Ran(7 if summary == "2 errors" else 0, f"{text}5 passed in 1s\n", 1.0)

    assert module.sanitizer(run).ok is ok


def test_sanitizer_that_is_missing_is_named(module: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name, path=None: None)
    assert module.sanitizer(None).lines == ["not run: compute-sanitizer is not on this machine"]


def test_benchmark_that_fails_is_a_failure(module: ModuleType, tmp_path: Path) -> None:
    part = module.bench(lambda *_: module.Ran(2, "no figures: no GPU", 0.0), tmp_path / "figures.json")
    assert (part.ok, part.lines) == (False, ["status 2; see the log", "no figures: no GPU"])


def test_command_that_takes_too_long_is_stopped(module: ModuleType, tmp_path: Path) -> None:
    run = module.runner(tmp_path, module.environment(tmp_path / "names"))
    assert run("loop", [sys.executable, "-c", "while True: pass"], 1).status == 124


def test_kvproof_is_importable_where_it_is_not_installed(
    module: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    run = module.runner(tmp_path, module.environment(tmp_path / "names"))
    code = "import kvproof.impl.device.cuda as found; print(found.__file__)"
    assert (
        str(tmp_path / "names") in run("import", [sys.executable, "-S", "-c", "import sys; print(sys.path)"], 60).output
    )
    assert run("import", [sys.executable, "-c", code], 60).status == 0


def test_report_has_a_section_for_each_part(module: ModuleType) -> None:
    parts = [module.Part("tests", True, ["5 passed"]), module.Part("bench", False, ["no"])]
    assert module.report(parts) == "## tests: ok\n\n5 passed\n\n## bench: FAILED\n\nno\n"


def test_planted_error_is_an_error(
    module: ModuleType, build_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver = host_driver(build_folder, tmp_path / "libcuda.so")
    monkeypatch.setattr("kvproof.impl.device.cuda_torch.driver_of", lambda index: driver)
    names: dict[str, Any] = {}
    exec(module.PLANTED, names)
    assert driver.fake.fake_broken_guards() == 1


def test_figures_of_the_benchmark_can_be_read(
    module: ModuleType, benchmark: ModuleType, host: HostDriver, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    figures = benchmark.measure(host, CopyBench(host, 1 << 18, batches_max=2), tmp_path / "table.json")
    _, lines = module.targets(json.loads(json.dumps(figures)))
    assert len(lines) == 3 + 6 + 2
    assert read_table(tmp_path / "table.json").sizes == (1 << 14, 1 << 15)
    assert "host to device, batch: % of" in capsys.readouterr().out


@pytest.mark.skipif(REASON is None, reason="a CUDA device is there")
def test_benchmark_without_a_gpu_says_so(
    benchmark: ModuleType, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "argv", [str(BENCHMARK)])
    assert benchmark.main() == 2
    assert capsys.readouterr().err.startswith("no figures: CUDA device 0: torch")


def test_unknown_part_is_named() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT), "--only", "test"], capture_output=True, text=True, check=False)
    assert (done.returncode, "there is no part 'test'" in done.stderr) == (2, True)


@pytest.mark.skipif(REASON is None, reason="a CUDA device is there")
def test_without_a_gpu_it_says_so() -> None:
    done = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr.startswith("no GPU, nothing was run: torch")
