"""What is recorded as proved is about the specification as it is, and covers every rule and promise."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from kvproof.model import machines
from kvproof.model.evidence import FILE_NAME, Evidence, EvidenceError, collect, read, write
from kvproof.model.induction import check_induction
from kvproof.spec import block_manager

BASE = machines.load("block-manager")


def _kept() -> Evidence:
    found = read(Path(block_manager.__file__).parent / FILE_NAME)
    assert found is not None
    return found


def test_the_recorded_evidence_is_about_this_specification() -> None:
    assert _kept().specification == BASE.definition.digest(), (
        "run kvproof check --record spec/block_manager/evidence.json"
    )


def test_every_rule_and_promise_is_proved_somewhere_or_has_a_reason() -> None:
    sizes = _kept().sizes_of(BASE.definition)
    assert {name for name, shown in sizes.items() if not shown} == set(block_manager.ONLY_FUZZED)
    assert set(sizes) == set(BASE.definition.rules()) | set(BASE.definition.promises())


def test_every_operation_is_proved_at_some_sizes() -> None:
    assert {name for proof in _kept().proofs for name in proof.operations} == set(BASE.definition.of_kind("operation"))


def test_every_theorem_is_proved() -> None:
    assert _kept().theorems == dict.fromkeys(BASE.definition.theorems(), "proved")


def test_every_variant_is_violated() -> None:
    assert set(_kept().variants) == set(BASE.variants)


def test_evidence_covers_all_sizes_that_are_checked_by_default() -> None:
    assert [proof.sizes for proof in _kept().proofs] == list(BASE.sizes["induction"])


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
