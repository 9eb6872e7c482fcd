"""A proof counts when a program that shares nothing with the solver accepts it, and that program refuses what is none."""

from __future__ import annotations

import random
import shutil
import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from mailbox import Mailbox, MailboxParameters
from pathlib import Path

import attrs
import pytest

from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.solving.backbone import decided_inputs, exceptions
from kvproof.model.solving.certificate import (
    COMPILERS,
    Certifier,
    NoChecker,
    NotCertified,
    ProofChecker,
    find_checker,
    formula,
    steps,
)
from kvproof.model.solving.clauses import Clauses
from kvproof.model.solving.engines import CadicalEngine
from kvproof.model.solving.solver import Outcome, Solver
from kvproof.model.symbolic.circuit import Circuit
from kvproof.spec.lang import compile_machine

FOREVER = float("inf")
Clause = Sequence[int]


@pytest.fixture(scope="module")
def checker(tmp_path_factory: pytest.TempPathFactory) -> ProofChecker:
    if not any(map(shutil.which, COMPILERS)):
        pytest.skip("no C++ compiler: the checker of certificates cannot be built")
    return find_checker(tmp_path_factory.mktemp("checker"))


@pytest.fixture
def certifier(checker: ProofChecker, tmp_path: Path) -> Certifier:
    return Certifier(checker, tmp_path)


def binary(proof: Sequence[tuple[str, Clause]]) -> bytes:
    """In binary DRAT."""
    out = bytearray()
    for kind, clause in proof:
        out += kind.encode()
        for literal in clause:
            coded = 2 * abs(literal) + (literal < 0)
            while coded > 127:
                out.append(coded & 127 | 128)
                coded >>= 7
            out.append(coded)
        out.append(0)
    return bytes(out)


def accepts(checker: ProofChecker, folder: Path, clauses: Sequence[Clause], proof: bytes) -> bool:
    variables = max((abs(literal) for clause in clauses for literal in clause), default=0)
    text = "".join(" ".join(map(str, [*clause, 0])) + "\n" for clause in clauses)
    (folder / "f.cnf").write_text(f"p cnf {variables} {len(clauses)}\n{text}")
    (folder / "p.drat").write_bytes(proof)
    try:
        checker.check(folder / "f.cnf", folder / "p.drat")
    except NotCertified:
        return False
    return True


def satisfiable(clauses: Sequence[Clause], variables: int) -> bool:
    return any(
        all(any(bits[abs(literal) - 1] == (literal > 0) for literal in clause) for clause in clauses)
        for bits in product((False, True), repeat=variables)
    )


EVERY_PAIR = [(1, 2), (1, -2), (-1, 2), (-1, -2)]


def test_what_follows_is_accepted_and_the_contradiction_found(checker: ProofChecker, tmp_path: Path) -> None:
    assert accepts(checker, tmp_path, EVERY_PAIR, binary([("a", [1])]))
    assert accepts(checker, tmp_path, EVERY_PAIR, binary([("a", [1]), ("a", [])]))
    assert accepts(checker, tmp_path, [(1,), (-1,)], b"")
    assert accepts(checker, tmp_path, [()], b"")


def test_what_does_not_follow_is_refused(checker: ProofChecker, tmp_path: Path) -> None:
    assert not accepts(checker, tmp_path, EVERY_PAIR, b"")
    assert not accepts(checker, tmp_path, EVERY_PAIR, binary([("a", [])]))
    assert not accepts(checker, tmp_path, EVERY_PAIR[:3], binary([("a", [1]), ("a", [2]), ("a", [])]))
    assert not accepts(checker, tmp_path, EVERY_PAIR[:3], binary([("a", [-1])]))
    assert not accepts(checker, tmp_path, [(1, 2)], binary([("a", [3]), ("a", [-3])]))  # would pass as an extension


def test_a_deleted_clause_may_still_help_and_one_that_comes_later_may_not(
    checker: ProofChecker, tmp_path: Path
) -> None:
    assert accepts(checker, tmp_path, EVERY_PAIR, binary([("d", [1, 2]), ("d", [2, -1]), ("a", [1])]))
    circle = [("a", [1, 3]), ("a", [1, -3]), ("a", [1]), ("a", [-1])]
    assert not accepts(checker, tmp_path, [(1, 2), (-1, 4)], binary(circle))
    assert not accepts(checker, tmp_path, [(1, 2), (-1, 4)], binary([*circle, ("d", [1, 3]), ("d", [1, -3])]))


@pytest.mark.parametrize("garbage", [b"x", b"a\x02", b"a\x01\x00", b"a\xff\xff\xff\xff\xff\x7f\x00", b"b"])
def test_what_cannot_be_read_is_refused(checker: ProofChecker, tmp_path: Path, garbage: bytes) -> None:
    assert not accepts(checker, tmp_path, EVERY_PAIR, garbage)


@pytest.mark.parametrize(
    "text", ["", "p cnf 2 1\n3 0\n", "p cnf 2 2\n1 0\n", "p cnf 2 1\n1", "p cnf 2 1\nx 0\n", "p dnf 1 1\n1 0\n"]
)
def test_a_formula_that_cannot_be_read_is_refused(checker: ProofChecker, tmp_path: Path, text: str) -> None:
    (tmp_path / "f.cnf").write_text(text)
    (tmp_path / "p.drat").write_bytes(binary([("a", [])]))
    with pytest.raises(NotCertified):
        checker.check(tmp_path / "f.cnf", tmp_path / "p.drat")


def random_clauses(rng: random.Random, variables: int, count: int) -> list[list[int]]:
    return [
        [rng.choice((-1, 1)) * v for v in rng.sample(range(1, variables + 1), rng.choice((2, 3, 3, 3)))]
        for _ in range(count)
    ]


def derivation(clauses: Sequence[Clause], path: Path) -> bytes | None:
    """The proof that CaDiCaL writes; None when there is a model."""
    from pysat.solvers import Cadical153

    with Cadical153(bootstrap_with=clauses, with_proof=True) as solver:
        if solver.solve():
            return None
        lines = [line.split() for line in solver.get_proof()]
    proof = [("d", line[1:]) if line[0] == "d" else ("a", line) for line in lines]
    return binary([(kind, [int(literal) for literal in line[:-1]]) for kind, line in proof])


def test_no_proof_of_a_formula_with_a_model_is_accepted_and_every_one_of_cadical_is(
    checker: ProofChecker, tmp_path: Path
) -> None:
    """Formulas of six variables, decided by trying every assignment; the proofs of those without a model are then put to a
    formula that has lost a clause, or lose or change a step themselves."""
    rng = random.Random(5)
    refuted = doctored = kept = 0
    for _ in range(150):
        clauses = random_clauses(rng, 6, rng.randrange(20, 40))
        proof = derivation(clauses, tmp_path)
        assert (proof is None) == satisfiable(clauses, 6)
        if proof is None:
            lemmas = [("a", clause) for clause in random_clauses(rng, 6, 12)]
            assert not accepts(checker, tmp_path, clauses, binary([*lemmas, ("a", [])]))
            continue
        assert accepts(checker, tmp_path, clauses, proof)
        refuted += 1
        fewer = [clause for clause in clauses if rng.random() < 0.85]
        if satisfiable(fewer, 6):
            doctored += 1
            assert not accepts(checker, tmp_path, fewer, proof)
        else:
            kept += 1
    assert min(refuted, doctored, kept) >= 10


def test_the_steps_of_a_proof_are_read_as_they_were_written() -> None:
    proof = binary([("a", [1, -300]), ("d", [70000]), ("a", [])])
    assert [(kind, clause[-1]) for kind, clause in steps(proof)] == [(b"a", 0), (b"d", 0), (b"a", 0)]
    assert b"".join(kind + clause for kind, clause in steps(proof)) == proof


def parity(circuit: Circuit, size: int) -> tuple[list[int], int]:
    """That two ways to count the same bits differ: impossible, and not by propagation alone."""
    bits = [circuit.input(f"x{i}") for i in range(size)]
    one = two = 0
    for bit in bits:
        one = circuit.xor(one, bit)
    for bit in random.Random(1).sample(bits, size):
        two = circuit.both(circuit.both(two, bit) ^ 1, circuit.either(two, bit))
    return bits, circuit.xor(one, two)


def test_a_session_is_certified_with_what_it_took_for_granted_between_queries(certifier: Certifier) -> None:
    circuit = Circuit()
    bits, different = parity(circuit, 12)
    with certifier.proof() as proof, Solver(circuit, "cadical", proof) as solver:
        solver.add(bits[:1])
        assert solver.solve([bits[1], different], FOREVER).unsatisfiable
        solver.add([circuit.both(bits[1], different) ^ 1])
        assert solver.solve([bits[2]], FOREVER).satisfiable
        assert solver.solve([different], FOREVER).unsatisfiable
        solver.add([different ^ 1])
        certificate = certifier.certify("parity", circuit, solver, bits[:1], [different])
    assert (certificate.subject, certificate.queries) == ("parity", 2)
    assert certificate.lemmas > 0
    assert len(certificate.formula) == 16


def test_what_was_asserted_and_does_not_follow_is_refused(certifier: Certifier) -> None:
    circuit = Circuit()
    a, b = circuit.input("a"), circuit.input("b")
    bad = circuit.both(a, b)
    with certifier.proof() as proof, Solver(circuit, "cadical", proof) as solver:
        solver.add([a])
        solver.add([b ^ 1])  # no hypothesis
        assert solver.solve([bad], FOREVER).unsatisfiable
        solver.add([bad ^ 1])
        with pytest.raises(NotCertified, match="the proof about all was refused: NOT VERIFIED"):
            certifier.certify("all", circuit, solver, [a], [bad])


def test_a_claim_that_nobody_asked_about_is_refused(certifier: Certifier) -> None:
    circuit = Circuit()
    a, b = circuit.input("a"), circuit.input("b")
    with certifier.proof() as proof, Solver(circuit, "cadical", proof) as solver:
        solver.add([a])
        assert solver.solve([a ^ 1], FOREVER).unsatisfiable
        with pytest.raises(NotCertified):
            certifier.certify("all", circuit, solver, [a], [a ^ 1, b])


class DenyingSolver(Solver):
    """A solver whose engine says of everything that it has no model."""

    def _reply(self, deadline: float) -> tuple[None, int]:
        super()._reply(deadline)
        return None, 0


def test_an_engine_that_denies_a_model_is_refused(certifier: Certifier) -> None:
    circuit = Circuit()
    bits, different = parity(circuit, 4)
    with certifier.proof() as proof, DenyingSolver(circuit, "cadical", proof) as solver:
        assert solver.solve([bits[0]], FOREVER).outcome is Outcome.UNSATISFIABLE
        solver.add([bits[0] ^ 1])
        with pytest.raises(NotCertified):
            certifier.certify("lie", circuit, solver, [], [bits[0], different])


class WrongClauses(Clauses):
    """A translation with a fault: every conjunction is false, whatever its inputs are."""

    def needed(self, roots: Iterable[int]) -> Iterator[list[int]]:
        for clause in super().needed(roots):
            yield clause[:1] if len(clause) == 2 else clause


@pytest.mark.parametrize(
    ("translation", "hypothesis", "accepted"), [(Clauses, True, True), (WrongClauses, False, False)]
)
def test_clauses_that_do_not_follow_from_the_circuit_are_refused(
    checker: ProofChecker, tmp_path: Path, translation: type[Clauses], hypothesis: bool, accepted: bool
) -> None:
    circuit = Circuit()
    a, b = circuit.input("a"), circuit.input("b")
    both = circuit.both(a, b)
    hypotheses = [a ^ 1] if hypothesis else []
    engine = CadicalEngine(tmp_path / "p.drat")
    engine._clauses = translation()
    engine.extend(circuit.left, circuit.right, circuit.names)
    engine.add(hypotheses)
    assert engine.solve([both]) is None
    engine.finish()
    (tmp_path / "f.cnf").write_text("".join(formula(circuit, [], hypotheses, [both])))
    if accepted:
        checker.check(tmp_path / "f.cnf", tmp_path / "p.drat")
    else:
        with pytest.raises(NotCertified):
            checker.check(tmp_path / "f.cnf", tmp_path / "p.drat")


def test_what_the_hypotheses_decide_is_certified_and_a_mistake_refused(certifier: Certifier) -> None:
    for wrong in ({}, {"c": 0}, {"b": "c"}, {"d": "a"}):
        circuit = Circuit()
        a, b, c, d = (circuit.input(name) for name in "abcd")
        hypotheses = [circuit.equal(a, b), circuit.both(c, circuit.either(a, c)), circuit.either(a, d)]
        with certifier.proof() as proof, Solver(circuit, "cadical", proof) as solver:
            solver.add(hypotheses)
            outcome, known = decided_inputs(circuit, solver, FOREVER)
            assert (outcome, known) == (Outcome.SATISFIABLE, {"b": "a", "c": 1})
            claims = exceptions(circuit, {**known, **wrong})
            solver.add([claim ^ 1 for claim in claims])
            if wrong:
                with pytest.raises(NotCertified):
                    certifier.certify("hypotheses", circuit, solver, hypotheses, claims)
            else:
                assert certifier.certify("hypotheses", circuit, solver, hypotheses, claims).queries >= 3


def test_a_machine_is_proved_with_a_certificate_for_everything(certifier: Certifier) -> None:
    report = check_induction(compile_machine(Mailbox), MailboxParameters(), certifier=certifier)
    assert report.verdict is Verdict.PROVED
    subjects = [one.subject for one in report.certificates]
    assert subjects == ["hypotheses", *(one.operation for one in report.operations)]
    assert all(one.queries and one.clauses for one in report.certificates)
    assert list(certifier.folder.iterdir()) == []


def test_a_proof_that_is_refused_is_no_proof(certifier: Certifier) -> None:
    @attrs.frozen
    class Refuses:
        name: str = "refuses"
        seen: list[Path] = attrs.field(factory=list)

        def check(self, formula: Path, proof: Path) -> int:
            self.seen.append(formula)
            if len(self.seen) == 3:
                raise NotCertified("not this one")
            return 1

    strict = Certifier(Refuses(), certifier.folder)
    with pytest.raises(NotCertified, match=r"the proof about .* was refused: not this one"):
        check_induction(compile_machine(Mailbox), MailboxParameters(), certifier=strict)


def test_without_a_compiler_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(NoChecker, match=r"install g\+\+"):
        find_checker(tmp_path)
    with pytest.raises(NoChecker, match="drat-trim is not on the PATH"):
        find_checker(tmp_path, "drat-trim")


def test_a_checker_that_does_not_compile_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", "false")
    with pytest.raises(NoChecker, match="does not compile"):
        find_checker(tmp_path)


@pytest.mark.parametrize(
    ("answer", "status", "accepted"),
    [
        ("s VERIFIED", 0, True),
        ("s VERIFIED", 1, False),
        ("s NOT VERIFIED", 0, False),
        ("s DERIVATION", 0, False),
        ("c nothing", 0, False),
    ],
)
def test_drat_trim_is_taken_at_its_word_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, answer: str, status: int, accepted: bool
) -> None:
    program = tmp_path / "drat-trim"
    program.write_text(f'#!/bin/sh\ncp "$2" {tmp_path}/seen\necho "{answer}"\nexit {status}\n')
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    installed = find_checker(tmp_path, "drat-trim")
    assert accepts(installed, tmp_path, EVERY_PAIR, binary([("d", [1, 2]), ("a", [1])])) == accepted
    assert (tmp_path / "seen").read_bytes() == binary([("a", [1])])
