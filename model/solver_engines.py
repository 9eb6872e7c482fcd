"""The two satisfiability engines behind one interface; they run inside the worker process.

`CadicalEngine` turns the circuit into clauses for CaDiCaL (python-sat), incrementally. `Z3Engine` builds Boolean terms in
which inputs keep their names and gives them to z3's finite-domain solver; it can print what it holds as SMT-LIB.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from kvproof.model.solver_clauses import Clauses

_INPUT = -1


class Engine(Protocol):
    """An incremental solver over the nodes of one growing circuit."""

    clauses: int
    """Clauses made so far (0 when the engine takes terms)."""

    def extend(self, left: Sequence[int], right: Sequence[int], names: Mapping[int, str]) -> None:
        """More nodes, and the names of the inputs among them."""

    def add(self, literals: Sequence[int]) -> None:
        """Each of `literals` holds from now on."""

    def solve(self, assumptions: Sequence[int]) -> list[int] | None:
        """The inputs (by node) that are true in a model in which `assumptions` hold too, or None when there is none."""

    def text(self, assumptions: Sequence[int]) -> str:
        """The query in a standard format."""


class CadicalEngine:
    """CaDiCaL through python-sat."""

    def __init__(self, name: str = "cadical195") -> None:
        from pysat.solvers import Solver

        self._solver: Any = Solver(name=name)
        self._clauses = Clauses()
        self._inputs: set[int] = set()
        for clause in self._clauses.base():
            self._solver.add_clause(clause)

    @property
    def clauses(self) -> int:
        return self._clauses.count

    def extend(self, left: Sequence[int], right: Sequence[int], names: Mapping[int, str]) -> None:
        self._clauses.extend(left, right)
        self._inputs.update(names)

    def _define(self, literals: Sequence[int]) -> list[int]:
        for clause in self._clauses.needed(literals):
            self._solver.add_clause(clause)
        return [self._clauses.literal(literal) for literal in literals]

    def add(self, literals: Sequence[int]) -> None:
        for literal in self._define(literals):
            self._solver.add_clause([literal])

    def solve(self, assumptions: Sequence[int]) -> list[int] | None:
        if not self._solver.solve(assumptions=self._define(assumptions)):
            return None
        return [literal - 1 for literal in self._solver.get_model() if literal > 0 and literal - 1 in self._inputs]

    def text(self, assumptions: Sequence[int]) -> str:
        raise NotImplementedError("CaDiCaL's clauses are not printed: ask the engine z3 for SMT-LIB")


class Z3Engine:
    """z3's finite-domain solver, which is its SAT core without the lazy theory layer (domain/checking.md, section 3)."""

    clauses = 0

    def __init__(self, logic: str = "QF_FD") -> None:
        import z3

        self._z3 = z3
        self._context = z3.main_ctx()
        self._solver = z3.SolverFor(logic)
        self._left: list[int] = []
        self._right: list[int] = []
        self._names: dict[int, str] = {}
        self._terms: dict[int, Any] = {0: z3.BoolVal(False).as_ast()}
        self._kept: list[Any] = []
        self._inputs: dict[str, int] = {}

    def extend(self, left: Sequence[int], right: Sequence[int], names: Mapping[int, str]) -> None:
        self._left.extend(left)
        self._right.extend(right)
        self._names.update(names)

    def _not(self, term: Any) -> Any:
        return self._made(self._z3.Z3_mk_not(self._context.ref(), term))

    def _made(self, term: Any) -> Any:
        self._z3.Z3_inc_ref(self._context.ref(), term)
        return term

    def _literal(self, literal: int) -> Any:
        term = self._terms[literal >> 1]
        return self._not(term) if literal & 1 else term

    def _define(self, root: int) -> Any:
        """The term of a literal, made through z3's C interface: the Python operators would take most of the time."""
        terms, left, right = self._terms, self._left, self._right
        z3, context = self._z3, self._context.ref()
        stack = [root >> 1]
        while stack:
            node = stack[-1]
            if node in terms:
                stack.pop()
                continue
            a, b = left[node], right[node]
            if a == _INPUT:
                name = self._names[node]
                symbol = z3.Z3_mk_string_symbol(context, name)
                terms[node] = self._made(z3.Z3_mk_const(context, symbol, z3.BoolSort().ast))
                self._inputs[name] = node
                continue
            missing = [inner for inner in (a >> 1, b >> 1) if inner not in terms]
            if missing:
                stack.extend(missing)
                continue
            parts = (z3.Ast * 2)(self._literal(a), self._literal(b))
            terms[node] = self._made(z3.Z3_mk_and(context, 2, parts))
        return z3.BoolRef(self._literal(root), self._context)

    def add(self, literals: Sequence[int]) -> None:
        for literal in literals:
            self._solver.add(self._define(literal))

    def solve(self, assumptions: Sequence[int]) -> list[int] | None:
        z3 = self._z3
        terms = []
        for literal in assumptions:
            # Assumptions must be plain literals: give each conjunction a name.
            name = z3.Bool(f"assume.{literal}")
            self._solver.add(z3.Implies(name, self._define(literal)))
            terms.append(name)
        answer = self._solver.check(*terms)
        if answer == z3.unsat:
            return None
        if answer != z3.sat:
            raise RuntimeError(f"z3 gave up: {self._solver.reason_unknown()}")
        model = self._solver.model()
        return [
            self._inputs[declaration.name()]
            for declaration in model.decls()
            if declaration.name() in self._inputs and z3.is_true(model[declaration])
        ]

    def text(self, assumptions: Sequence[int]) -> str:
        """The query as SMT-LIB 2."""
        copy = self._z3.SolverFor("QF_FD")
        for assertion in self._solver.assertions():
            copy.add(assertion)
        for literal in assumptions:
            copy.add(self._define(literal))
        return str(copy.to_smt2())


def make(name: str) -> Engine:
    """The engine called "z3" or "cadical"."""
    if name == "z3":
        return Z3Engine()
    if name == "cadical":
        return CadicalEngine()
    return CadicalEngine(name)
