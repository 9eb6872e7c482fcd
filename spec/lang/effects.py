"""What methods do beside computing a value, through all helpers that they call, and where that means nothing.

Looking changes nothing: invariants, normal forms, quantifiers, filters and conditions of promises neither take steps nor
leave anything open, however far down the helper is that would.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping
from typing import NoReturn

import attrs

from kvproof.spec.lang.definition import FREE_FORM, Definition, Method
from kvproof.spec.lang.refusals import Refusal

STEP, CHOICE, PROMISE, EVENT = "takes a step", "makes a choice", "makes a promise", "marks an event"
REFUSAL = "refuses the operation"
STATEMENTS = {"choose": CHOICE, "ensure": PROMISE, "sometimes": EVENT, "reject": REFUSAL}

LOOKING = (STEP, CHOICE, PROMISE, EVENT, REFUSAL)
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    "step": (STEP, PROMISE, REFUSAL),
    "trial": (REFUSAL,),
    "invariant": LOOKING,
    "normal_form": LOOKING,
    "theorem": LOOKING,
}
"""What a kind of method may not do, directly or through helpers."""

REFUSALS = {
    STEP: Refusal.STEP_WHILE_LOOKING,
    CHOICE: Refusal.CHOICE_WHILE_LOOKING,
    PROMISE: Refusal.PROMISE_WHILE_LOOKING,
    EVENT: Refusal.EVENT_WHILE_LOOKING,
    REFUSAL: Refusal.REFUSAL_WHILE_LOOKING,
}


@attrs.frozen
class _Call:
    """A call of a function of the language or of a method of the machine."""

    node: ast.Call
    name: str
    of_machine: bool
    within: tuple[str, ...]
    """The places around it where nothing may happen."""


def check_effects(definition: Definition) -> None:
    """Raise `LanguageError` where a method calls itself, or does what it may not."""
    _Effects(definition).run()


class _Effects:
    def __init__(self, definition: Definition) -> None:
        self._methods = {name: m for name, m in definition.methods.items() if m.kind not in FREE_FORM}
        self._known: dict[str, dict[str, str]] = {}

    def run(self) -> None:
        for name in self._methods:
            self._of(name, ())
        for method in self._methods.values():
            forbidden = FORBIDDEN.get(method.role, ())
            for call in _calls(method.node):
                for effect, through in self._at(call, ()).items():
                    if effect in forbidden:
                        self._refuse(method, call, f"{method.kind} {method.name}", effect, through)
                    elif effect in (STEP, CHOICE, REFUSAL) and call.within:
                        self._refuse(method, call, call.within[-1], effect, through)

    def _refuse(self, method: Method, call: _Call, where: str, effect: str, through: str) -> NoReturn:
        way = f" through {through}" if through else ""
        raise REFUSALS[effect].at(method.file, call.node.lineno, where=where, way=way)

    def _at(self, call: _Call, path: tuple[str, ...]) -> dict[str, str]:
        """The effects of one call, each with the methods on the way to it."""
        if not call.of_machine:
            return {STATEMENTS[call.name]: ""} if call.name in STATEMENTS else {}
        if call.name not in self._methods:
            return {}
        if self._methods[call.name].kind == "step":
            return {STEP: call.name}
        inner = self._of(call.name, path)
        return {effect: f"{call.name}, {through}" if through else call.name for effect, through in inner.items()}

    def _of(self, name: str, path: tuple[str, ...]) -> dict[str, str]:
        if name not in self._known:
            method = self._methods[name]
            found: dict[str, str] = {}
            for call in _calls(method.node):
                if call.of_machine and call.name in (*path, name):
                    way = " > ".join((*path, name, call.name))
                    raise Refusal.RECURSION.at(method.file, call.node.lineno, name=call.name, way=way)
                for effect, through in self._at(call, (*path, name)).items():
                    found.setdefault(effect, through)
            self._known[name] = found
        return self._known[name]


@functools.cache
def _calls(method: ast.FunctionDef) -> tuple[_Call, ...]:
    found: list[_Call] = []
    pending: list[tuple[ast.AST, tuple[str, ...]]] = [(method, ())]
    while pending:
        node, within = pending.pop()
        match node:
            case ast.GeneratorExp():
                within = (*within, "a quantifier or filter")
            case ast.Call(func=ast.Name(id=name)):
                found.append(_Call(node, name, False, within))
                if name in ("require", "ensure", "assume"):
                    within = (*within, f"the condition of {name}")
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr=name)):
                found.append(_Call(node, name, True, within))
        pending += [(part, within) for part in ast.iter_child_nodes(node)]
    return tuple(sorted(found, key=lambda call: (call.node.lineno, call.node.col_offset)))
