"""What has been proved, kept beside the machine: at which sizes each rule, promise and invariant was shown, and how.

`kvproof check --record FILE` writes it, the generated document reads it. It names the specification that it is about, so
evidence for an older one is never taken for evidence about this one.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import attrs
import cattrs

from kvproof.model.checking.verdict import Report, Verdict
from kvproof.model.solving.certificate import Certificate
from kvproof.spec.lang import Definition
from kvproof.spec.lang.calls import reached

FILE_NAME = "evidence.json"
"""The name of the file in the machine's folder."""


class EvidenceError(ValueError):
    """A file that is no evidence."""


@attrs.frozen
class Proof:
    """One proof by induction."""

    sizes: str
    """The name of the sizes."""
    verdict: str
    operations: tuple[str, ...]
    """Operations that some state accepts at these sizes, each proved."""
    steps: tuple[str, ...]
    """Steps that some proved operation takes, so that their rules were put to the test."""
    promises: tuple[str, ...]
    """Promises that some proved operation comes to."""
    goals: tuple[str, ...] = ()
    """The goals of depth that are reached at these sizes and at none before them."""


@attrs.frozen
class Certified:
    """The proofs at one size, checked by a program that has nothing to do with the solver; see `certificate`."""

    sizes: str
    """The name of the sizes."""
    parameters: Mapping[str, int]
    """What they were."""
    checker: str
    certificates: tuple[Certificate, ...]
    """One for the hypotheses and one for each operation."""


@attrs.frozen
class Evidence:
    """Everything that one run of `kvproof check` has shown about one specification."""

    machine: str
    specification: str
    """The specification's digest."""
    engine: str
    proofs: tuple[Proof, ...]
    theorems: Mapping[str, str]
    """The verdict on each theorem."""
    variants: Mapping[str, str]
    """What the shortest counterexample of each variant breaks."""
    certified: tuple[Certified, ...] = ()
    """The proofs that were checked, by `kvproof check --certify`."""

    @property
    def queries(self) -> int:
        """Answers that something is impossible that were checked."""
        return sum(part.queries for one in self.certified for part in one.certificates)

    def certificates_at(self, sizes: str, parameters: Mapping[str, int]) -> Certified | None:
        """What is certified at sizes of this name, if they are the same sizes still."""
        return next((one for one in self.certified if one.sizes == sizes and one.parameters == parameters), None)

    def with_certified(self, new: Certified) -> Evidence:
        """This evidence with the proofs at one more size certified."""
        others = (one for one in self.certified if one.sizes != new.sizes)
        return attrs.evolve(self, certified=(*others, new))

    def sizes_of(self, definition: Definition) -> dict[str, tuple[str, ...]]:
        """For every rule and promise, the sizes at which it is proved and somebody takes the step that requires it."""
        proved = [proof for proof in self.proofs if proof.verdict == Verdict.PROVED.value]
        found = {}
        for rule in definition.rules():
            steps = {
                name
                for name in definition.of_kind("step")
                if any(rule in definition.methods[one].literals("require", 1) for one in reached(definition, [name]))
            }
            found[rule] = tuple(proof.sizes for proof in proved if steps & set(proof.steps))
        for promise in definition.promises():
            found[promise] = tuple(proof.sizes for proof in proved if promise in proof.promises)
        return found


def collect(
    definition: Definition,
    engine: str,
    reports: Iterable[tuple[str, Report]],
    theorems: Mapping[str, str],
    variants: Mapping[str, str],
) -> Evidence:
    """The evidence in the reports of one run, by the names of their sizes."""
    proofs = []
    for label, report in reports:
        reached = {goal for one in report.operations if one.verdict is Verdict.PROVED for goal in one.reached}
        proofs.append(
            Proof(
                label,
                report.verdict.value,
                tuple(sorted(one.operation for one in report.operations if one.verdict is Verdict.PROVED)),
                _named("step", reached),
                _named("promise", reached),
                report.goals,
            )
        )
    return Evidence(
        definition.name,
        definition.digest(),
        engine,
        tuple(proofs),
        dict(sorted(theorems.items())),
        dict(sorted(variants.items())),
    )


def _named(kind: str, goals: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(goal.removeprefix(f"{kind} ") for goal in goals if goal.startswith(f"{kind} ")))


def write(evidence: Evidence, path: Path) -> None:
    """Put the evidence into a file, whole or not at all."""
    text = json.dumps(cattrs.unstructure(evidence), indent=1) + "\n"
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def read(path: Path) -> Evidence | None:
    """The evidence in a file; None when there is no file.

    Raises:
        EvidenceError: the file is no evidence.
    """
    if not path.is_file():
        return None
    try:
        return cattrs.structure(json.loads(path.read_text(encoding="utf-8")), Evidence)
    except (ValueError, KeyError, TypeError, cattrs.BaseValidationError) as error:
        raise EvidenceError(f"{path} is no evidence ({error}): write it anew with kvproof check --record") from error
