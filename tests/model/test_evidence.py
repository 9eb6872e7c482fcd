"""What is recorded as proved is about the specification as it is, and covers every rule and promise."""

from __future__ import annotations

import importlib
from pathlib import Path

import attrs
import pytest

from kvproof.model import machines
from kvproof.model.checking.induction import check_induction
from kvproof.model.evidence import FILE_NAME, Evidence, EvidenceError, collect, read, write

BASE = machines.load("block-manager")


def _folder(machine: str) -> Path:
    file = importlib.import_module(f"kvproof.spec.{machine.replace('-', '_')}").__file__
    assert file is not None
    return Path(file).parent


def _kept(machine: str = "block-manager") -> Evidence:
    found = read(_folder(machine) / FILE_NAME)
    assert found is not None
    return found


@pytest.mark.parametrize("machine", machines.names())
def test_the_recorded_evidence_is_about_this_specification(machine: str) -> None:
    assert _kept(machine).specification == machines.load(machine).definition.digest(), (
        f"run kvproof check --machine {machine} --record spec/{_folder(machine).name}/{FILE_NAME}"
    )


@pytest.mark.parametrize("machine", machines.names())
def test_every_rule_and_promise_is_proved_somewhere_or_has_a_reason(machine: str) -> None:
    definition = machines.load(machine).definition
    sizes = _kept(machine).sizes_of(definition)
    assert {name for name, shown in sizes.items() if not shown} == set(machines.load(machine).shipped.only_fuzzed)
    assert set(sizes) == set(definition.rules()) | set(definition.promises())


@pytest.mark.parametrize("machine", machines.names())
def test_every_operation_and_trial_is_proved_at_some_sizes(machine: str) -> None:
    checked = set(machines.load(machine).checked())
    assert {name for proof in _kept(machine).proofs for name in proof.operations} == checked


@pytest.mark.parametrize("machine", machines.names())
def test_every_theorem_is_proved(machine: str) -> None:
    assert _kept(machine).theorems == dict.fromkeys(machines.load(machine).definition.theorems(), "proved")


@pytest.mark.parametrize("machine", machines.names())
def test_every_variant_breaks_what_it_says(machine: str) -> None:
    recorded, variants = _kept(machine).variants, machines.load(machine).variants
    assert {label: recorded[label] in variant.BREAKS for label, variant in variants.items()} == dict.fromkeys(
        recorded, True
    )


@pytest.mark.parametrize("machine", machines.names())
def test_evidence_covers_all_sizes_that_are_checked_by_default(machine: str) -> None:
    assert [proof.sizes for proof in _kept(machine).proofs] == list(machines.load(machine).sizes["induction"])


def test_a_rule_of_a_step_that_nobody_takes_is_not_counted_as_proved() -> None:
    report = check_induction(BASE.definition, BASE.sizes["induction"]["1+2, two tokens a block"])
    evidence = collect(BASE.definition, "cadical", [("tiny", report)], {}, {})
    shown = evidence.sizes_of(BASE.definition)
    assert shown["claim-from-own-level"] == ("tiny",)
    assert shown["within-token-budget"] == ()  # batches are off at these sizes


def test_what_is_not_proved_counts_for_nothing() -> None:
    evidence = attrs.evolve(_kept(), proofs=tuple(attrs.evolve(p, verdict="unknown") for p in _kept().proofs))
    assert not any(evidence.sizes_of(BASE.definition).values())


def test_evidence_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(_kept(), tmp_path / FILE_NAME)
    assert read(tmp_path / FILE_NAME) == _kept()


def test_no_file_is_no_evidence(tmp_path: Path) -> None:
    assert read(tmp_path / FILE_NAME) is None


def test_a_broken_file_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text('{"machine": 3', encoding="utf-8")
    with pytest.raises(EvidenceError, match="kvproof check --record"):
        read(tmp_path / FILE_NAME)
