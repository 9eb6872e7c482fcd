"""Refuses what the language does not have, with file, line and what to write instead.

The checker admits syntax; types are mypy's business, since a machine is ordinary typed Python. What it admits is
exactly what the readers in `kvproof.model` can lower.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Hashable, Sequence
from typing import NoReturn

from kvproof.spec.lang.assignment import check_assignment
from kvproof.spec.lang.definition import FREE_FORM, Definition, Method, global_value
from kvproof.spec.lang.effects import check_effects
from kvproof.spec.lang.errors import LanguageError
from kvproof.spec.lang.inference import check_types
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.theorems import check_theorem

FUNCTIONS = {"len", "min", "max", "all", "any", "sum", "range", "reversed", "choose"}
STATEMENT_FUNCTIONS: dict[str, tuple[tuple[str, ...], int]] = {
    "require": (("step",), 2),
    "reject": (("operation",), 1),
    "sometimes": (("step", "operation", "helper"), 1),
    "ensure": (("operation", "helper", "trial"), 2),
    "assume": (("theorem", "trial"), 1),
}
"""For each: the kinds of method in which it may stand, and how many arguments it has."""
READING_METHODS = {"get", "values", "front", "priority_of"}
WRITING_METHODS = {"push_back", "push_front", "remove", "add", "discard"}
BINARY = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot)

REMEDIES: dict[type[ast.AST], str] = {
    ast.While: "Write `for _ in range(limit)` with a break: every loop has a bound",
    ast.Try: "An operation tests first and rejects; steps state rules with require",
    ast.With: "State the steps one after the other",
    ast.Raise: "Use reject(error) in an operation or require(condition, rule) in a step",
    ast.Assert: "Use require(condition, rule) in a step, or an @invariant",
    ast.Lambda: "Write a helper method",
    ast.ListComp: "Write a loop that appends to a tuple: found = found + (x,)",
    ast.SetComp: "Write a loop over a state variable of type Set",
    ast.DictComp: "Write a loop over a PartialMap",
    ast.List: "Use a tuple: sequences are immutable values",
    ast.Dict: "Use a PartialMap state variable",
    ast.Set: "Use a Set state variable",
    ast.JoinedStr: "Messages are for the tools to make; give rules and errors plain names",
    ast.NamedExpr: "Assign on a line of its own",
    ast.Starred: "Write `a + b` for sequences",
    ast.FunctionDef: "Write a helper method of the machine",
    ast.ClassDef: "Declare types at the top of the module",
    ast.Global: "Declare a state variable",
    ast.Nonlocal: "Declare a state variable",
    ast.Import: "Import at the top of the module",
    ast.ImportFrom: "Import at the top of the module",
    ast.Await: "Machines are sequential",
    ast.Yield: "Return a sequence",
    ast.YieldFrom: "Return a sequence",
    ast.Match: "Use if and elif",
}


def check_machine(definition: Definition) -> None:
    """Raise `LanguageError` for the first construct that is outside the language."""
    methods = [method for method in definition.methods.values() if method.kind not in FREE_FORM]
    accepted = _accepted(_interface(definition))
    new = [method for method in methods if method not in accepted]
    for method in new:
        _Checker(definition, method).run()
    check_effects(definition)
    for method in new:
        check_assignment(method)
        if method.kind != "theorem":  # which says more strictly what it may be made of
            check_types(definition, method)
    accepted.update(new)


def check_method(definition: Definition, method: Method) -> None:
    """The same for one method among others that are in the language: a mutant of it."""
    _Checker(definition, method).run()
    check_assignment(method)
    check_types(definition, method)


@functools.cache
def _accepted(interface: Hashable) -> set[Method]:
    """The methods that were accepted among others of these signatures: a machine and its variants have most in common."""
    return set()


def _interface(definition: Definition) -> Hashable:
    """All that a method may name of its machine."""
    methods = tuple(
        (name, method.kind, method.arguments, method.returns, method.node.returns and ast.unparse(method.node.returns))
        for name, method in definition.methods.items()
    )
    state = tuple((name, variable.type) for name, variable in definition.state.items())
    return definition.parameters, state, methods, tuple(definition.records.items())


def _is_rule_or_doc(node: ast.stmt) -> bool:
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Expr(value=ast.Call(func=ast.Name(id="require"))):
            return True
    return False


class _Checker:
    def __init__(self, definition: Definition, method: Method) -> None:
        self._definition = definition
        self._method = method
        self._locals = {name for name, _ in method.arguments}

    def run(self) -> None:
        arguments = self._method.node.args
        if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
            self._refuse(self._method.node, "default, keyword or variadic parameters", "List every parameter plainly")
        for node in ast.walk(self._method.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._locals.add(node.id)
        if not self._method.doc and self._method.kind != "helper":
            self._refuse(
                self._method.node, f"{self._method.kind} {self._method.name} has no docstring", "Say what it means"
            )
        self._names()
        self._body(self._method.node.body)
        if self._method.kind == "step":
            self._rules_first()
        if self._method.kind == "theorem":
            check_theorem(self._definition, self._method)

    def _names(self) -> None:
        """A local hides nothing that the module, or the method, uses under its name."""
        called = {
            node.func.id
            for node in ast.walk(self._method.node)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        for node in ast.walk(self._method.node):
            name = node.arg if isinstance(node, ast.arg) else node.id if isinstance(node, ast.Name) else ""
            if not name or (isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store)):
                continue
            if isinstance(node, ast.arg) and name == "self" and node is self._method.node.args.args[0]:
                continue
            known = self._method.namespace.get(name)
            if name == "self" or name in called or isinstance(known, type):
                self._refuse(node, f"a local named {name} hides what has this name", "Give it another name")

    def _rules_first(self) -> None:
        """A step that finds a rule broken must have changed nothing."""
        top = self._method.node.body
        leading = next((i for i, s in enumerate(top) if not _is_rule_or_doc(s)), len(top))
        for statement in top[leading:]:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "require":
                    self._refuse(node, "a rule after an effect", "State every require at the start of the step")

    def _refuse(self, node: ast.AST, problem: str, remedy: str) -> NoReturn:
        raise LanguageError(self._method.file, getattr(node, "lineno", self._method.line), problem, remedy)

    def _unknown(self, node: ast.AST) -> NoReturn:
        name = type(node).__name__
        self._refuse(node, f"{name} is not in the language", REMEDIES.get(type(node), "See spec/lang for what is"))

    # statements

    def _body(self, statements: Sequence[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Pass():
                pass
            case ast.Expr(value=ast.Constant(value=str())):
                pass
            case ast.Expr(value=ast.Call() as call):
                self._call(call, statement=True)
            case ast.Assign(targets=[target], value=value):
                self._expression(value)
                self._target(target)
            case ast.AnnAssign(target=ast.Name(), value=ast.expr() as value):
                self._expression(value)
            case ast.AugAssign(target=target, op=op, value=value):
                if not isinstance(op, BINARY):
                    self._unknown(op)
                self._expression(value)
                self._target(target)
            case ast.Delete(targets=[ast.Subscript() as target]):
                self._target(target)
            case ast.If(test=test, body=body, orelse=orelse):
                self._expression(test)
                self._body(body)
                self._body(orelse)
            case ast.For(target=ast.Name(), iter=iterated, body=body, orelse=[]):
                self._expression(iterated)
                self._body(body)
            case ast.For():
                self._refuse(node, "a for with an else or with several loop variables", "Loop over one plain variable")
            case ast.Break() | ast.Continue():
                pass
            case ast.Return(value=value):
                if self._method.kind == "step":
                    self._refuse(
                        node, "a step returns", "A step has one effect and no result: move the rest into a helper"
                    )
                if value is not None:
                    self._expression(value)
            case _:
                self._unknown(node)

    def _target(self, node: ast.expr) -> None:
        match node:
            case ast.Name():
                pass
            case ast.Tuple(elts=elements):
                for element in elements:
                    self._target(element)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                self._writes(node, name)
            case ast.Attribute():
                self._refuse(node, f"{ast.unparse(node)} is written", "A record does not change: construct a new one")
            case ast.Subscript(value=value, slice=index):
                self._expression(index)
                if isinstance(value, ast.Name):
                    self._refuse(
                        node, "a local sequence is written in place", "Build a new one: a[:i] + (x,) + a[i + 1:]"
                    )
                self._target(value)
            case _:
                self._refuse(node, "assignment to something else than a local or a state variable", "Assign to self.x")

    def _writes(self, node: ast.AST, name: str) -> None:
        if name not in self._definition.state:
            self._refuse(node, f"self.{name} is not a state variable", "Declare it in the class body")
        if self._method.kind != "step":
            self._refuse(node, f"{self._method.kind} {self._method.name} writes self.{name}", "Only steps write state")

    # expressions

    def _expression(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value=bool() | int() | None):
                pass
            case ast.Constant():
                self._refuse(node, f"the constant {node.value!r}", "Values are booleans, integers, None and tuples")
            case ast.Name(id=name):
                self._name(node, name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="params")):
                if not hasattr(self._definition.parameters, node.attr):
                    self._refuse(
                        node, f"no parameter {node.attr}", f"Declare it in {self._definition.parameters.__name__}"
                    )
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                if name not in self._definition.state:
                    self._refuse(node, f"self.{name} is not a state variable", "Declare it, or use self.params")
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner not in self._locals:
                self._member(node, owner, name)
            case ast.Attribute(value=owner, attr=name):
                self._expression(owner)
                self._field(node, name)
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                for part in (value, lower, upper):
                    if part is not None:
                        self._expression(part)
            case ast.Subscript(value=value, slice=index):
                self._expression(value)
                self._expression(index)
            case ast.BinOp(left=left, op=op, right=right):
                if not isinstance(op, BINARY):
                    self._unknown(op)
                self._expression(left)
                self._expression(right)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                self._expression(operand)
            case ast.BoolOp(values=values):
                for value in values:
                    self._expression(value)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for comparison in ops:
                    if not isinstance(comparison, COMPARISONS):
                        self._unknown(comparison)
                for part in (left, *comparators):
                    self._expression(part)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                for part in (test, body, orelse):
                    self._expression(part)
            case ast.Tuple(elts=elements):
                for element in elements:
                    self._expression(element)
            case ast.Call():
                self._call(node, statement=False)
            case _:
                self._unknown(node)

    def _name(self, node: ast.AST, name: str) -> None:
        if name in self._locals or name == "self":
            return
        try:
            value = global_value(self._method, name)
        except KeyError:
            self._refuse(node, f"unknown name {name}", "Use a local, an integer constant, an enum or an index class")
        if isinstance(value, type) and issubclass(value, Record):
            self._refuse(node, f"the record class {name} used as a value", f"Construct one: {name}(..)")

    def _field(self, node: ast.AST, name: str) -> None:
        records = self._definition.records
        if not any(name == field for record in records.values() for field, _ in record.fields):
            known = ", ".join(sorted(records)) or "there are none"
            self._refuse(node, f"no record has a field {name}", f"Records here: {known}")

    def _member(self, node: ast.AST, owner: str, name: str) -> None:
        try:
            cls = global_value(self._method, owner)
        except KeyError:
            self._refuse(node, f"unknown name {owner}", "Use a member of an enum that the module imports")
        if not hasattr(cls, name):
            self._refuse(node, f"{owner} has no member {name}", "Use one of its members")

    def _call(self, node: ast.Call, statement: bool) -> None:
        if node.keywords:
            self._refuse(node, "keyword arguments", "Pass arguments by position")
        match node.func:
            case ast.Attribute(value=ast.Name(id="self"), attr="every"):
                for argument in node.args:
                    self._expression(argument)
                return
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                self._method_call(node, name)
            case ast.Attribute(value=owner, attr=name):
                self._container_call(node, owner, name, statement)
            case ast.Name(id=name) if name in STATEMENT_FUNCTIONS:
                self._statement_function(node, name, statement)
                return
            case ast.Name(id="choose"):
                self._choose(node)
                return
            case ast.Name(id=name) if name in self._definition.records and name not in self._locals:
                self._construction(node, name, statement)
            case ast.Name(id=name) if name in FUNCTIONS:
                if statement:
                    self._refuse(node, f"{name}() alone on a line has no effect", "Use its value")
                if name in ("all", "any", "sum"):
                    self._quantifier(node, name)
                    return
            case _:
                self._refuse(node, "a call of something unknown", f"Call self.method(..) or one of {sorted(FUNCTIONS)}")
        for argument in node.args:
            self._expression(argument)

    def _construction(self, node: ast.Call, name: str, statement: bool) -> None:
        fields = [field for field, _ in self._definition.records[name].fields]
        if statement:
            self._refuse(node, f"{name}(..) alone on a line has no effect", "Use its value")
        if len(node.args) != len(fields):
            problem = f"{name} is constructed with {len(node.args)} values"
            self._refuse(node, problem, f"Give all fields by position: {', '.join(fields)}")

    def _method_call(self, node: ast.Call, name: str) -> None:
        called = self._definition.methods.get(name)
        if called is None:
            self._refuse(node, f"no method {name}", "Define it in the machine")
        if len(node.args) != len(called.arguments):
            expected = ", ".join(argument for argument, _ in called.arguments)
            self._refuse(node, f"{name} is called with {len(node.args)} arguments", f"It takes ({expected})")
        if called.kind == "operation":
            self._refuse(node, f"operation {name} is called from inside", "Move what is shared into a helper")
        if called.kind == "step" and self._method.kind in ("step", "invariant", "normal_form"):
            self._refuse(
                node, f"{self._method.kind} {self._method.name} takes a step", "Only operations and helpers take steps"
            )
        if called.kind not in ("step", "helper", "invariant"):
            self._refuse(node, f"{called.kind} {name} is called", "Machines call steps and helpers")

    def _container_call(self, node: ast.Call, owner: ast.expr, name: str, statement: bool) -> None:
        if name in WRITING_METHODS and statement:
            self._target(owner)
        elif name in READING_METHODS and not statement:
            self._expression(owner)
        else:
            known = ", ".join(sorted(READING_METHODS | WRITING_METHODS))
            self._refuse(node, f"method {name} of a container, used here", f"Containers have {known}")

    def _statement_function(self, node: ast.Call, name: str, statement: bool) -> None:
        if not statement:
            self._refuse(node, f"{name} used as a value", "Put it on a line of its own")
        allowed, count = STATEMENT_FUNCTIONS[name]
        if self._method.kind not in allowed:
            self._refuse(
                node, f"{name} in {self._method.kind} {self._method.name}", f"It belongs in: {', '.join(allowed)}"
            )
        if len(node.args) != count:
            self._refuse(
                node,
                f"{name} with {len(node.args)} arguments",
                "require(condition, rule), ensure(condition, promise), assume(condition), reject(error), sometimes(event)",
            )
        if name in ("require", "ensure", "assume"):
            self._expression(node.args[0])
        if name == "assume":
            return
        label = node.args[-1]
        if not (isinstance(label, ast.Constant) and isinstance(label.value, str) and label.value):
            self._refuse(node, f"{name} without a plain name", "Name it with a string literal")

    def _choose(self, node: ast.Call) -> None:
        match node.args:
            case [ast.GeneratorExp() as generator, ast.Constant(value=str())]:
                self._generator(generator)
            case _:
                self._refuse(node, "choose without candidates and name", 'Write choose((x for x in ...), "name")')

    def _quantifier(self, node: ast.Call, name: str) -> None:
        match node.args:
            case [ast.GeneratorExp() as generator]:
                self._generator(generator)
            case _:
                self._refuse(node, f"{name} of something else than a generator", f"Write {name}(... for x in ...)")

    def _generator(self, node: ast.GeneratorExp) -> None:
        for part in node.generators:
            if not isinstance(part.target, ast.Name) or part.is_async:
                self._refuse(node, "a generator with several variables in one for", "Use one variable a for")
            self._expression(part.iter)
            for condition in part.ifs:
                self._expression(condition)
        self._expression(node.elt)
