"""Certificates: proofs, which another program checks, that what induction asked of the solver has no model.

For each operation the **formula** is: the hypotheses hold, and something happens of which the report says that it
cannot (a broken rule, bound, promise or invariant, a goal that is called unreachable). It is written here from the
circuit, three clauses a gate and one a hypothesis, by nothing that the solver's side uses. The **proof** is what the
solver's session has written down (`proof`): the clauses that it was given, what it derived, the conclusion of
each query. The session asks in an order, and takes each answer for granted afterwards; here that needs neither trust
nor argument, since all of it is one derivation from one formula: what was given or asserted is checked like what was
derived, and what does not follow is refused.

The **checker** accepts only what follows by unit propagation, and finds the contradiction itself. The one that is
kept here (`certificate_checker.cpp`, compiled where it is used) shares nothing with the solver, nor with the
translation to clauses that both engines use. `drat-trim` can be had instead, where it is installed.

What a certificate covers: the way from the circuit to "proved", at these sizes. No fault of the solver, of the
clauses that it was given, or of what it was told to take for granted makes a false proof. What it does not cover:
that the circuit says what the machine says (tests run circuits, machines and references against each other), where
the bits of the state that the hypotheses decide are put in for others when it is built (that they decide them is
certified); that rules and invariants say what is meant; that the hypotheses have a model (a model is shown, and
evaluated); and the theorems for all integers.

Also considered: each query a problem of its own, solved anew by a solver that writes a proof. It needs an argument why
the answers may be put together, and the session's learnt clauses are lost from query to query.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import attrs

from kvproof.model.solving.solver import Solver
from kvproof.model.symbolic.circuit import Circuit


class NoChecker(Exception):
    """Nothing is installed that can check a proof."""


class NotCertified(Exception):
    """A proof that was not accepted: a defect of kvproof or of its solver, and "proved" is not to be believed."""


@attrs.frozen
class Certificate:
    """A proof that was checked and thrown away."""

    subject: str
    """The operation; or "hypotheses": which bits of an arbitrary state they decide."""
    queries: int
    """Queries of the session without a model, all of which the proof covers."""
    clauses: int
    """Clauses of the formula."""
    lemmas: int
    """Clauses of the proof."""
    formula: str
    """The beginning of the SHA-256 of the formula (DIMACS)."""


class ProofChecker(Protocol):
    """Accepts proofs or refuses them."""

    @property
    def name(self) -> str:
        """The checker and its version."""

    def check(self, formula: Path, proof: Path) -> int:
        """Returns the number of clauses in the proof.

        Raises:
            NotCertified: the proof proves nothing.
        """


SOURCE = Path(__file__).with_name("certificate_checker.cpp")
COMPILERS = ("c++", "g++", "clang++")


@attrs.frozen
class PropagationChecker:
    """The checker that is kept beside this file."""

    program: Path
    name: str

    def check(self, formula: Path, proof: Path) -> int:
        done = subprocess.run([self.program, formula, proof], capture_output=True, text=True, check=False)
        verified = re.fullmatch(r"VERIFIED .*lemmas=(\d+) .*\n", done.stdout)
        if done.returncode or verified is None:
            raise NotCertified(done.stdout.strip() or done.stderr.strip() or f"{self.name}: status {done.returncode}")
        return int(verified[1])


@attrs.frozen
class DratTrim:
    """drat-trim, where it is installed. It gets the proof without deletions: see `certificate_checker.cpp` for why."""

    program: Path
    name: str = "drat-trim"
    seconds: int = 100_000

    def check(self, formula: Path, proof: Path) -> int:
        plain = proof.with_suffix(".additions")
        lemmas = 0
        with plain.open("wb") as file:
            for kind, clause in steps(proof.read_bytes()):
                if kind == b"a":
                    lemmas += 1
                    file.write(kind + clause)
        command = [str(self.program), str(formula), str(plain), "-t", str(self.seconds)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        plain.unlink()
        # "s VERIFIED"; it also says "s DERIVATION" or "s NOT VERIFIED"
        if done.returncode or not re.search(r"^s VERIFIED$", done.stdout, re.MULTILINE):
            raise NotCertified(f"{self.name}: {done.stdout.strip()[-500:] or done.stderr.strip()}")
        return lemmas


def steps(proof: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The steps of a proof in binary DRAT: what each is ("a" or "d"), and its clause as it stands there."""
    position = 0
    while position < len(proof):
        kind = proof[position : position + 1]
        end = position + 1
        while proof[end]:  # a literal's last byte is below 128, and no literal is 0: a zero byte ends the clause
            end += 1
        yield kind, proof[position + 1 : end + 1]
        position = end + 1


def find_checker(folder: Path, kind: str = "own") -> ProofChecker:
    """A checker that can be run: the one that is kept here ("own", compiled into `folder`), or "drat-trim".

    Raises:
        NoChecker: there is none, and what to install.
    """
    if kind == "drat-trim":
        found = shutil.which("drat-trim")
        if found is None:
            raise NoChecker("drat-trim is not on the PATH: install it, or leave --checker out")
        return DratTrim(Path(found))
    compiler = next(filter(None, map(shutil.which, filter(None, [os.environ.get("CXX"), *COMPILERS]))), None)
    if compiler is None:
        raise NoChecker(
            f"certificates are checked by a program that needs a C++ compiler ({', '.join(COMPILERS)} or $CXX), and "
            "there is none: apt-get install g++, or install drat-trim and say --checker drat-trim"
        )
    source = SOURCE.read_bytes()
    program = folder / "certificate_checker"
    done = subprocess.run(
        [compiler, "-O2", "-std=c++17", "-o", program, SOURCE], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise NoChecker(f"{compiler} does not compile {SOURCE}: {done.stderr.strip()}")
    return PropagationChecker(program, f"kvproof's RUP checker {hashlib.sha256(source).hexdigest()[:12]}")


def formula(circuit: Circuit, known: Iterable[int], hypotheses: Iterable[int], claims: Sequence[int]) -> Iterator[str]:
    """In DIMACS: the gates on which all these literals depend, that the hypotheses hold, and that some claim is broken.

    A claim is the literal of what must not happen. `known` only adds gates, of which a proof may speak.
    """
    hypotheses = list(hypotheses)
    gates = [node for node in circuit.cone([*known, *hypotheses, *claims]) if circuit.left[node] >= 0]

    def number(literal: int) -> int:
        return -(literal // 2 + 1) if literal % 2 else literal // 2 + 1

    yield f"p cnf {len(circuit)} {3 * len(gates) + len(hypotheses) + 2}\n"
    yield "-1 0\n"  # node 0 is the constant false
    for node in gates:
        this, a, b = node + 1, number(circuit.left[node]), number(circuit.right[node])
        yield f"-{this} {a} 0\n-{this} {b} 0\n{this} {-a} {-b} 0\n"
    for literal in hypotheses:
        yield f"{number(literal)} 0\n"
    yield "".join(f"{number(literal)} " for literal in claims) + "0\n"


@attrs.frozen
class Certifier:
    """Has the proofs of solver sessions checked; what it writes lies in a folder until it is checked."""

    checker: ProofChecker
    folder: Path

    @contextmanager
    def proof(self) -> Iterator[Path]:
        """A file for the proof of one session."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder) / "session.drat"

    def certify(
        self, subject: str, circuit: Circuit, solver: Solver, hypotheses: Sequence[int], claims: Sequence[int]
    ) -> Certificate:
        """Have it checked, by the proof of `solver`'s session, that under `hypotheses` none of `claims` can be.

        Raises:
            NotCertified: the proof was not accepted.
        """
        proof = solver.finish_proof()
        stated = proof.with_suffix(".cnf")
        digest = hashlib.sha256()
        clauses = 0
        with stated.open("w", encoding="ascii") as file:
            for line in formula(circuit, solver.asked, hypotheses, claims):
                file.write(line)
                digest.update(line.encode("ascii"))
                clauses += line.count("\n")
        try:
            lemmas = self.checker.check(stated, proof)
        except NotCertified as error:
            raise NotCertified(f"the proof about {subject} was refused: {error}") from error
        return Certificate(subject, solver.refuted, clauses - 1, lemmas, digest.hexdigest()[:16])
