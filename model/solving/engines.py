"""The two satisfiability engines behind one interface; they run inside the worker process.

Both take the clauses of the circuit, incrementally, and assumptions rather than push and pop, which keeps what was learnt.
`CadicalEngine` is CaDiCaL through python-sat. `Z3Engine` is z3, with the names of the inputs; it can print SMT-LIB.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from kvproof.model.solving.clauses import Clauses
from kvproof.model.solving.proof import ProofLog


class Engine(Protocol):
    """An incremental solver over the nodes of one growing circuit."""

    @property
    def clauses(self) -> int:
        """Clauses made so far (0 when the engine takes terms)."""

    def extend(self, left: Sequence[int], right: Sequence[int], names: Mapping[int, str]) -> None:
        """More nodes, and the names of the inputs among them."""

    def add(self, literals: Sequence[int]) -> None:
        """Each of `literals` holds from now on."""

    def solve(self, assumptions: Sequence[int]) -> list[int] | None:
        """The inputs (by node) that are true in a model in which `assumptions` hold too, or None when there is none."""

    def text(self, assumptions: Sequence[int]) -> str:
        """The query in a standard format."""

    def finish(self) -> None:
        """The last of the proof is written."""


class CadicalEngine:
    """CaDiCaL through python-sat, in the newest version that the installed python-sat has."""

    VERSIONS = ("cadical300", "cadical195", "cadical153")
    """Measured on the block manager's induction at 3+3: 3.0.0 takes two thirds of the time of the others."""

    def __init__(self, proof: Path | None = None) -> None:
        """`proof`: a file for everything that the engine is given and derives, in order."""
        from pysat import solvers

        known = [name for name in self.VERSIONS if hasattr(solvers.SolverNames, name)]
        self._solver: Any = solvers.Solver(name=known[0])
        self._log = None if proof is None else ProofLog(proof, known[0], self._solver.solver)
        self._clauses = Clauses()
        self._inputs: set[int] = set()
        self._told = 0
        self._give(self._clauses.base())

    def _give(self, clauses: Iterable[list[int]]) -> None:
        given = clauses if self._log is None else list(clauses)
        if self._log is not None:
            self._log.write(given)
            self._log.forget(gate for node in self._clauses.defined[self._told :] for gate in self._clauses.gate(node))
            self._told = len(self._clauses.defined)
        for clause in given:
            self._solver.add_clause(clause)

    @property
    def clauses(self) -> int:
        return self._clauses.count

    def extend(self, left: Sequence[int], right: Sequence[int], names: Mapping[int, str]) -> None:
        self._clauses.extend(left, right)
        self._inputs.update(names)

    def _define(self, literals: Sequence[int]) -> list[int]:
        self._give(self._clauses.needed(literals))
        return [self._clauses.literal(literal) for literal in literals]

    def add(self, literals: Sequence[int]) -> None:
        self._give([literal] for literal in self._define(literals))

    def solve(self, assumptions: Sequence[int]) -> list[int] | None:
        assumed = self._define(assumptions)
        if not self._solver.solve(assumptions=assumed):
            if self._log is not None:
                self._log.write([[-literal for literal in assumed]])
            return None
        return [literal - 1 for literal in self._solver.get_model() if literal > 0 and literal - 1 in self._inputs]

    def text(self, assumptions: Sequence[int]) -> str:
        raise NotImplementedError("CaDiCaL's clauses are not printed: ask the engine z3 for SMT-LIB")

    def finish(self) -> None:
        if self._log is not None:
            self._log.close()


class Z3Engine:
    """z3's finite-domain solver: its SAT core without the lazy theory layer.

    It gets the same clauses as CaDiCaL, over Booleans with the names of the state's bits: given the gates as nested terms
    it makes its own, and took five times as long.
    """

    def __init__(self, logic: str = "QF_FD") -> None:
        import z3

        self._z3 = z3
        self._context = z3.main_ctx()
        self._solver = z3.SolverFor(logic)
        self._clauses = Clauses()
        self._names: dict[int, str] = {}
        self._named: set[str] = set()
        self._added: list[int] = []
        self._terms: dict[int, Any] = {}
        """For each literal of a clause, its term; z3 keeps what has a reference."""
        for clause in self._clauses.base():
            self._assert(clause)

    @property
    def clauses(self) -> int:
        return self._clauses.count

    def extend(self, left: Sequence[int], right: Sequence[int], names: Mapping[int, str]) -> None:
        self._clauses.extend(left, right)
        for node, name in names.items():
            if name in self._named:
                raise ValueError(f"two inputs are called {name!r}: z3 would take them for one")
            self._named.add(name)
            self._names[node] = name

    def _term(self, literal: int) -> Any:
        term = self._terms.get(literal)
        if term is None:
            if literal > 0:
                # a gate has a number for its name, which z3 tells apart from every text
                term = self._z3.Bool(self._names.get(literal - 1, literal - 1))
            else:
                term = self._z3.Not(self._term(-literal))
            self._terms[literal] = term
        return term

    def _assert(self, clause: Sequence[int]) -> None:
        # Through z3's C interface: its Python operators check and convert each argument, which took most of the time.
        z3, context = self._z3, self._context.ref()
        parts = (z3.Ast * len(clause))(*(self._term(literal).as_ast() for literal in clause))
        z3.Z3_solver_assert(context, self._solver.solver, z3.Z3_mk_or(context, len(clause), parts))

    def _define(self, literals: Sequence[int]) -> list[Any]:
        for clause in self._clauses.needed(literals):
            self._assert(clause)
        return [self._term(self._clauses.literal(literal)) for literal in literals]

    def add(self, literals: Sequence[int]) -> None:
        self._added.extend(literals)
        for term in self._define(literals):
            self._solver.add(term)

    def solve(self, assumptions: Sequence[int]) -> list[int] | None:
        z3 = self._z3
        answer = self._solver.check(*self._define(assumptions))
        if answer == z3.unsat:
            return None
        if answer != z3.sat:
            raise RuntimeError(f"z3 gave up: {self._solver.reason_unknown()}")
        model = self._solver.model()
        return [node for node in self._names if node + 1 in self._terms and z3.is_true(model[self._terms[node + 1]])]

    def text(self, assumptions: Sequence[int]) -> str:
        """The query as SMT-LIB 2."""
        # Clauses anew, into a solver that can list them: the finite-domain solver forgets what it was given.
        clauses = Clauses()
        clauses.extend(self._clauses.left, self._clauses.right)
        literals = [*self._added, *assumptions]
        copy = self._z3.Solver()
        for clause in (*clauses.base(), *clauses.needed(literals), *([clauses.literal(one)] for one in literals)):
            copy.add(self._z3.Or([self._term(literal) for literal in clause]))
        return str(copy.to_smt2())

    def finish(self) -> None:
        """z3 writes no proof."""


def make(name: str, proof: Path | None = None) -> Engine:
    """The engine called "z3" or "cadical", which alone can write a proof."""
    if name == "z3" and proof is None:
        return Z3Engine()
    if name == "cadical":
        return CadicalEngine(proof)
    raise ValueError(f"there is no engine {name!r}: choose cadical or z3")
