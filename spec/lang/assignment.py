"""Every local has a value wherever it is read, and every path through a method ends as its result says."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, NoReturn

from kvproof.spec.lang.definition import Method
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.types import OptionType

Names = frozenset[str]


def check_assignment(method: Method) -> None:
    """Raise `LanguageError` for the first local that some path leaves without a value before it is read."""
    _Assignment(method).run()


def assigned(*nodes: ast.AST) -> Names:
    """The names that these nodes assign, without those of generators inside, which are their own."""
    found: set[str] = set()
    pending: list[ast.AST] = list(nodes)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.GeneratorExp):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        pending += ast.iter_child_nodes(node)
    return frozenset(found)


class _Assignment:
    def __init__(self, method: Method) -> None:
        self._method = method
        self._arguments = frozenset(name for name, _ in method.arguments)
        self._locals = assigned(*method.node.body)

    def run(self) -> None:
        end = self._block(self._method.node.body, self._arguments)
        returns = self._method.node.returns
        nothing = returns is None or ast.unparse(returns) in ("None", "NoReturn")
        if end is not None and not nothing and not isinstance(self._method.returns, OptionType):
            self._refuse(self._method.node, Refusal.NO_RESULT, name=self._method.name)

    def _block(self, statements: Sequence[ast.stmt], known: Names | None) -> Names | None:
        """The locals that have a value at the end; None when no path gets there."""
        for statement in statements:
            if known is None:
                return None
            known = self._statement(statement, known)
        return known

    def _statement(self, node: ast.stmt, known: Names) -> Names | None:
        match node:
            case ast.Return(value=value):
                if value is not None:
                    self._read(value, known, self._locals)
                return None
            case ast.Break() | ast.Continue():
                return None
            case ast.If(test=test, body=body, orelse=orelse):
                self._read(test, known, self._locals)
                then, otherwise = self._block(body, known), self._block(orelse, known)
                if then is None or otherwise is None:
                    return then if otherwise is None else otherwise
                return then & otherwise
            case ast.For(target=target, iter=iterated, body=body):
                self._read(iterated, known, self._locals)
                self._block(body, known | assigned(target))
                return known  # there may be nothing to loop over
            case ast.AugAssign(target=target, value=value):
                if isinstance(target, ast.Name):
                    self._known(target, target.id, known, self._locals)
                self._read(value, known, self._locals)
                self._read(target, known, self._locals)
                return known
        for part in ast.iter_child_nodes(node):
            # an annotation is not evaluated
            if isinstance(part, ast.expr) and part is not getattr(node, "annotation", None):
                self._read(part, known, self._locals)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            called = node.value.func
            if isinstance(called, ast.Name) and called.id == "reject":
                return None
        return known | assigned(node)

    def _read(self, node: ast.AST, known: Names, own: Names) -> None:
        """Every name that is read has a value; `own` are the names that mean locals here."""
        if isinstance(node, ast.GeneratorExp):
            self._generator(node, known, own)
            return
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            self._known(node, node.id, known, own)
        for part in ast.iter_child_nodes(node):
            self._read(part, known, own)

    def _generator(self, node: ast.GeneratorExp, known: Names, own: Names) -> None:
        targets = assigned(*(part.target for part in node.generators))
        inside = known - targets
        for position, part in enumerate(node.generators):
            # what the first one runs over is evaluated outside
            if position == 0:
                self._read(part.iter, known, own)
            else:
                self._read(part.iter, inside, own | targets)
            inside |= assigned(part.target)
            for condition in part.ifs:
                self._read(condition, inside, own | targets)
        self._read(node.elt, inside, own | targets)

    def _known(self, node: ast.AST, name: str, known: Names, own: Names) -> None:
        if name in own and name not in known:
            self._refuse(node, Refusal.MAY_HAVE_NO_VALUE, name=name)

    def _refuse(self, node: ast.AST, refusal: Refusal, **values: Any) -> NoReturn:
        raise refusal.at(self._method.file, getattr(node, "lineno", self._method.line), **values)
