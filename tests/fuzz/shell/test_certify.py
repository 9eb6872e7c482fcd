"""`kvproof check --certify` certifies every proof, keeps that beside the evidence, goes on where it was, and says what is
missing before any work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from kvproof.fuzz.command_line import main
from kvproof.model import machines
from kvproof.model.evidence import Certified, Evidence, collect, read, write
from kvproof.model.solving.certificate import COMPILERS, Certificate, Certifier, NotCertified

MACHINE = "mailbox:Mailbox"

needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, COMPILERS)), reason="no C++ compiler: the checker of certificates cannot be built"
)


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "--machine", MACHINE, *arguments])


def evidence() -> Evidence:
    return collect(machines.load(MACHINE).definition, "cadical", (), {}, {})


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "evidence.json"
    write(evidence(), path)
    return path


@needs_compiler
def test_every_operation_is_certified_and_that_is_kept(record: Path) -> None:
    result = check("--certify", "--sizes", "3 jobs", "--record", str(record))
    assert result.exit_code == 0, result.output
    assert "proved, certified" in result.output
    assert "Not covered" in result.output
    kept = read(record)
    assert kept is not None
    (one,) = kept.certified
    assert one.sizes == "3 jobs"
    assert one.checker.startswith("kvproof's RUP checker")
    definition = machines.load(MACHINE).definition
    operations = [*definition.of_kind("operation"), *definition.trials()]
    assert [part.subject for part in one.certificates] == ["hypotheses", *operations]
    again = check("--certify", "--sizes", "3 jobs", "--record", str(record))
    assert again.exit_code == 0
    assert f"certified in {record} already" in again.output.replace("\n", "")


@needs_compiler
def test_sizes_that_have_changed_are_certified_anew(record: Path) -> None:
    old = Certified("3 jobs", {"jobs": 2}, "somebody", ())
    write(evidence().with_certified(old), record)
    assert check("--certify", "--sizes", "3 jobs", "--record", str(record)).exit_code == 0
    kept = read(record)
    assert kept is not None
    assert [len(one.certificates) > 0 for one in kept.certified] == [True]


@needs_compiler
def test_a_proof_that_is_refused_is_a_finding(monkeypatch: pytest.MonkeyPatch, record: Path) -> None:
    def refuse(*_: object) -> Certificate:
        raise NotCertified("the proof about post was refused: lemma 3")

    monkeypatch.setattr(Certifier, "certify", refuse)
    before = record.read_bytes()
    result = check("--certify", "--sizes", "3 jobs", "--record", str(record))
    assert result.exit_code == 1
    assert "not to be believed" in result.output.replace("\n", " ")
    assert record.read_bytes() == before


def test_without_a_compiler_it_ends_before_any_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    result = check("--certify")
    assert result.exit_code == 2
    assert "g++" in result.output


def test_evidence_that_is_not_there_is_not_certified(tmp_path: Path) -> None:
    result = check("--certify", "--record", str(tmp_path / "none.json"))
    assert result.exit_code == 2
    assert "without --certify" in result.output.replace("\n", " ")


@pytest.mark.parametrize("other", [["--engine", "z3"], ["--bounded"], ["--variant", "late"], ["--parameter", "jobs=2"]])
def test_options_that_say_otherwise_are_refused(other: list[str]) -> None:
    assert check("--certify", *other).exit_code == 2


def test_evidence_without_certificates_is_read_as_before(record: Path) -> None:
    older = json.loads(record.read_text(encoding="utf-8"))
    del older["certified"]
    record.write_text(json.dumps(older), encoding="utf-8")
    assert read(record) == evidence()


def test_certificates_are_written_and_read_back(record: Path) -> None:
    one = Certified("3 jobs", {"jobs": 3}, "somebody", (Certificate("post", 12, 345, 67, "0123456789abcdef"),))
    kept = evidence().with_certified(one)
    write(kept, record)
    assert read(record) == kept
    assert kept.certificates_at("3 jobs", {"jobs": 3}) == one
    assert kept.certificates_at("3 jobs", {"jobs": 4}) is None
    assert kept.with_certified(one).certified == (one,)


@needs_compiler
def test_a_check_of_the_same_specification_keeps_its_certificates(record: Path) -> None:
    one = Certified("3 jobs", {"jobs": 3}, "somebody", ())
    write(evidence().with_certified(one), record)
    result = check("--record", str(record), "--out", str(record.parent))
    assert result.exit_code == 0, result.output
    kept = read(record)
    assert kept is not None
    assert kept.certified == (one,)
    assert kept.proofs
