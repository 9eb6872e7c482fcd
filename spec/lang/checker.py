"""Refuses what the language does not have, with file, line and what to write instead.

The checker admits syntax; types are mypy's business, since a machine is ordinary typed Python. What it admits is
exactly what the readers in `kvproof.model` can lower.
"""

from __future__ import annotations

import ast
import functools
import inspect
from collections.abc import Hashable, Sequence
from enum import IntEnum
from typing import Any, NoReturn

from kvproof.spec.lang.assignment import check_assignment
from kvproof.spec.lang.calls import reached
from kvproof.spec.lang.definition import FREE_FORM, Definition, Method, global_value
from kvproof.spec.lang.effects import check_effects
from kvproof.spec.lang.inference import check_types
from kvproof.spec.lang.machine import known
from kvproof.spec.lang.named_fields import given
from kvproof.spec.lang.record import Record, replace
from kvproof.spec.lang.refusals import CONSTRUCTS, Refusal, last_resort
from kvproof.spec.lang.refusals import FUNCTIONS as ABSENT_FUNCTIONS
from kvproof.spec.lang.theorems import check_theorem
from kvproof.spec.lang.types import Index

EXTREMES = {"min": ("smallest", "<"), "max": ("largest", ">")}
FUNCTIONS = {"len", "min", "max", "all", "any", "sum", "tuple", "range", "reversed", "enumerate", "zip", "choose"}
OWN_FUNCTIONS: dict[str, Any] = {"known": known, "replace": replace}
"""Those that a module has to import under their names."""
SEVERAL = {"enumerate": 1, "zip": 2}
"""What gives a loop several values a round, and how many things it takes: that many at least, for zip."""
STATEMENT_FUNCTIONS: dict[str, tuple[tuple[str, ...], int]] = {
    "require": (("step",), 2),
    "reject": (("operation", "helper"), 1),
    "sometimes": (("step", "operation", "helper"), 1),
    "ensure": (("operation", "helper", "trial"), 2),
    "assume": (("theorem", "trial"), 1),
}
"""For each: the kinds of method in which it may stand, and how many arguments it has."""
READING_METHODS = {"get", "values", "front", "priority_of"}
WRITING_METHODS = {"push_back", "push_front", "remove", "add", "discard"}
BINARY = (ast.Add, ast.Sub, ast.Mult, ast.FloorDiv, ast.Mod)
COMPARISONS = (ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.In, ast.NotIn, ast.Is, ast.IsNot)


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
            self._refuse(self._method.node, Refusal.PARAMETERS_NOT_PLAIN)
        for node in ast.walk(self._method.node):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                self._locals.add(node.id)
        if not self._method.doc and self._method.role != "helper":
            self._refuse(self._method.node, Refusal.NO_DOCSTRING, kind=self._method.kind, name=self._method.name)
        self._names()
        self._body(self._method.node.body)
        if self._method.role == "step":
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
                self._refuse(node, Refusal.LOCAL_HIDES, name=name)

    def _rules_first(self) -> None:
        """A step that finds a rule broken must have changed nothing."""
        top = self._method.node.body
        leading = next((i for i, s in enumerate(top) if not _is_rule_or_doc(s)), len(top))
        for statement in top[leading:]:
            for node in ast.walk(statement):
                if isinstance(node, ast.Call) and self._states_rules(node):
                    own = isinstance(node.func, ast.Name)
                    if own or statement is not top[leading] or not isinstance(statement, ast.Expr):
                        self._refuse(node, Refusal.RULE_AFTER_EFFECT)

    def _states_rules(self, node: ast.Call) -> bool:
        """Whether it is a rule, or the call of an overridden step with rules."""
        match node.func:
            case ast.Name(id="require"):
                return True
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self._definition.methods:
                if self._definition.methods[name].kind == "step part":
                    return any(
                        self._definition.methods[one].literals("require", 1)
                        for one in reached(self._definition, [name])
                    )
        return False

    def _refuse(self, node: ast.AST, refusal: Refusal, **values: Any) -> NoReturn:
        raise refusal.at(self._method.file, getattr(node, "lineno", self._method.line), **values)

    def _unknown(self, node: ast.AST, around: ast.AST | None = None) -> NoReturn:
        """Refuse a construct that is not in the language; an operator, and a slice, by what is `around` it."""
        shown = node if around is None else around
        source = ast.unparse(shown).strip().splitlines()[0]
        construct = type(node).__name__
        remedy = CONSTRUCTS.get(type(node)) or last_resort(construct)
        self._refuse(shown, Refusal.CONSTRUCT, construct=construct, source=source, remedy=remedy)

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
                    self._unknown(op, node)
                self._expression(value)
                self._target(target)
            case ast.Delete(targets=[ast.Subscript() as target]):
                self._target(target)
            case ast.If(test=test, body=body, orelse=orelse):
                self._expression(test)
                self._body(body)
                self._body(orelse)
            case ast.For(orelse=[_, *_]):
                self._refuse(node, Refusal.FOR_WITH_ELSE)
            case ast.For(target=target, iter=iterated, body=body):
                self._loop(target, iterated)
                self._expression(iterated)
                self._body(body)
            case ast.Break() | ast.Continue():
                pass
            case ast.Return(value=value):
                if self._method.role == "step":
                    self._refuse(node, Refusal.STEP_RETURNS)
                if value is not None:
                    self._expression(value)
            case _:
                self._unknown(node)

    def _loop(self, target: ast.expr, iterated: ast.expr) -> None:
        """As many loop variables as there are values a round."""
        match iterated:
            case ast.Call(func=ast.Name(id="enumerate" | "zip" as name), args=arguments):
                source = ast.unparse(iterated)
                if len(arguments) < SEVERAL[name] or (name == "enumerate" and len(arguments) > 1):
                    self._refuse(iterated, Refusal.SEVERAL_FORM, source=source)
                count = 2 if name == "enumerate" else len(arguments)
                if not isinstance(target, ast.Tuple) or len(target.elts) != count:
                    self._refuse(target, Refusal.SEVERAL_AT_ONCE, source=source, count=count)
                inner = [None, arguments[0]] if name == "enumerate" else arguments
                for part, of in zip(target.elts, inner, strict=True):
                    self._loop(part, of if of is not None else part)
            case _ if not isinstance(target, ast.Name):
                self._refuse(target, Refusal.LOOP_VARIABLES, target=ast.unparse(target), source=ast.unparse(iterated))

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
                self._refuse(node, Refusal.RECORD_WRITTEN, target=ast.unparse(node))
            case ast.Subscript(value=value, slice=index):
                self._expression(index)
                if isinstance(value, ast.Name):
                    self._refuse(node, Refusal.SEQUENCE_WRITTEN)
                self._target(value)
            case _:
                self._refuse(node, Refusal.NO_TARGET, target=ast.unparse(node))

    def _writes(self, node: ast.AST, name: str) -> None:
        if name not in self._definition.state:
            self._refuse(node, Refusal.NO_STATE_WRITTEN, name=name)
        if self._method.role != "step":
            self._refuse(node, Refusal.NOT_A_STEP, kind=self._method.role, name=self._method.name, state=name)

    # expressions

    def _expression(self, node: ast.expr) -> None:
        match node:
            case ast.Constant(value=bool() | int() | None):
                pass
            case ast.Constant():
                self._refuse(node, Refusal.CONSTANT, value=repr(node.value))
            case ast.Name(id=name):
                self._name(node, name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="params")):
                if not hasattr(self._definition.parameters, node.attr):
                    parameters = self._definition.parameters.__name__
                    self._refuse(node, Refusal.NO_PARAMETER, name=node.attr, parameters=parameters)
            case ast.Attribute(value=ast.Name(id="self"), attr="params"):
                self._refuse(node, Refusal.SELF_AS_VALUE, source="self.params")
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                if name not in self._definition.state:
                    self._refuse(node, Refusal.NO_STATE_READ, name=name)
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if owner not in self._locals:
                self._member(node, owner, name)
            case ast.Attribute(value=owner, attr=name):
                self._expression(owner)
                self._field(node, name)
            case ast.Subscript(value=value, slice=ast.Slice(lower=lower, upper=upper, step=None)):
                for part in (value, lower, upper):
                    if part is not None:
                        self._expression(part)
            case ast.Subscript(slice=ast.Slice() as part):
                self._unknown(part, node)
            case ast.Subscript(value=value, slice=index):
                self._expression(value)
                self._expression(index)
            case ast.BinOp(left=left, op=op, right=right):
                if not isinstance(op, BINARY):
                    self._unknown(op, node)
                self._expression(left)
                self._expression(right)
            case ast.UnaryOp(op=ast.Not() | ast.USub(), operand=operand):
                self._expression(operand)
            case ast.UnaryOp(op=operator):
                self._unknown(operator, node)
            case ast.BoolOp(values=values):
                for value in values:
                    self._expression(value)
            case ast.Compare(left=left, ops=ops, comparators=comparators):
                for comparison in ops:
                    if not isinstance(comparison, COMPARISONS):
                        self._unknown(comparison, node)
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
        if name == "self":
            self._refuse(node, Refusal.SELF_AS_VALUE, source=name)
        if name in self._locals:
            return
        try:
            value = global_value(self._method, name)
        except KeyError:
            self._refuse(node, Refusal.UNKNOWN_NAME, name=name)
        if isinstance(value, type) and issubclass(value, Record):
            self._refuse(node, Refusal.RECORD_AS_VALUE, name=name)

    def _field(self, node: ast.AST, name: str) -> None:
        records = self._definition.records
        if not any(name == field for record in records.values() for field, _ in record.fields):
            known = ", ".join(sorted(records)) or "there are none"
            self._refuse(node, Refusal.NO_FIELD, name=name, records=known)

    def _member(self, node: ast.AST, owner: str, name: str) -> None:
        try:
            cls = global_value(self._method, owner)
        except KeyError:
            self._refuse(node, Refusal.UNKNOWN_NAME, name=owner)
        if not hasattr(cls, name):
            self._refuse(node, Refusal.NO_MEMBER, owner=owner, name=name)

    def _call(self, node: ast.Call, statement: bool) -> None:
        if node.keywords and not self._takes_names(node):
            self._refuse(node, Refusal.KEYWORDS, call=ast.unparse(node))
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
            case ast.Name(id=name) if self._is_converted(name):
                if statement:
                    self._refuse(node, Refusal.NO_EFFECT, function=f"{name}(..)")
                if len(node.args) != 1:
                    self._refuse(node, Refusal.CONVERSION_FORM, name=name, call=ast.unparse(node))
            case ast.Name(id=name) if name in OWN_FUNCTIONS and self._method.namespace.get(name) is OWN_FUNCTIONS[name]:
                if statement:
                    self._refuse(node, Refusal.NO_EFFECT, function=f"{name}(..)")
                if len(node.args) != 1:
                    self._refuse(node, Refusal.OF_ONE_VALUE, name=name, call=ast.unparse(node))
                if name == "replace":
                    self._replacement(node)
            case ast.Name(id=name) if name in FUNCTIONS:
                if statement:
                    self._refuse(node, Refusal.NO_EFFECT, function=f"{name}(..)")
                if name in ("all", "any", "sum", "tuple"):
                    self._quantifier(node, name)
                    return
                if name in EXTREMES and any(isinstance(argument, ast.GeneratorExp) for argument in node.args):
                    word, sign = EXTREMES[name]
                    source = ast.unparse(node)
                    self._refuse(node, Refusal.EXTREME_OF_MANY, function=name, source=source, word=word, sign=sign)
            case _:
                self._unknown_call(node, ast.unparse(node.func))
        for argument in (*node.args, *(keyword.value for keyword in node.keywords)):
            self._expression(argument)

    def _is_converted(self, name: str) -> bool:
        """Whether a call of this name converts a number: to an index, or to a member of an enumeration."""
        value = self._method.namespace.get(name)
        return name not in self._locals and isinstance(value, type) and issubclass(value, IntEnum | Index)

    def _takes_names(self, node: ast.Call) -> bool:
        """Whether a call gives fields of a record, or says what zip does anyway."""
        match node:
            case ast.Call(
                func=ast.Name(id="zip"), keywords=[ast.keyword(arg="strict", value=ast.Constant(value=strict))]
            ):
                if strict is not False:
                    self._refuse(node, Refusal.ZIP_STRICT)
                return True
        match node.func:
            case ast.Name(id=name) if name not in self._locals:
                return name == "replace" or name in self._definition.records
        return False

    def _replacement(self, node: ast.Call) -> None:
        """replace(record, field=value, ..): which record it is, its type tells."""
        if any(keyword.arg is None for keyword in node.keywords):
            self._refuse(node, Refusal.FIELDS_SPREAD, call=ast.unparse(node))
        for keyword in node.keywords:
            self._field(node, str(keyword.arg))

    def _unknown_call(self, node: ast.Call, function: str) -> NoReturn:
        """Refuse a call of what is neither a method of the machine nor a function of the language."""
        call = ast.unparse(node)
        known = None if function in self._locals else self._method.namespace.get(function)
        if function in OWN_FUNCTIONS and known is None:
            self._refuse(node, Refusal.NOT_IMPORTED, name=function)
        if inspect.isfunction(known):
            self._refuse(node, Refusal.CALL_OF_FUNCTION, call=call)
        remedy = ABSENT_FUNCTIONS.get(function) or last_resort(f"{function}(..)")
        self._refuse(node, Refusal.CALL, call=call, remedy=remedy)

    def _construction(self, node: ast.Call, name: str, statement: bool) -> None:
        fields = [field for field, _ in self._definition.records[name].fields]
        if statement:
            self._refuse(node, Refusal.NO_EFFECT, function=f"{name}(..)")
        if any(keyword.arg is None for keyword in node.keywords):
            self._refuse(node, Refusal.FIELDS_SPREAD, call=ast.unparse(node))
        for keyword in node.keywords:
            if keyword.arg not in fields:
                self._refuse(node, Refusal.FIELD_OF_OTHERS, record=name, name=keyword.arg, fields=", ".join(fields))
        named = [field for field, _ in given(node, fields)]
        if len(node.args) > len(fields) or sorted(named) != sorted(fields):
            count = len(node.args) + len(node.keywords)
            self._refuse(node, Refusal.RECORD_VALUES, record=name, count=count, fields=", ".join(fields))

    def _method_call(self, node: ast.Call, name: str) -> None:
        called = self._definition.methods.get(name)
        if called is None:
            self._refuse(node, Refusal.NO_METHOD, name=name)
        if len(node.args) != len(called.arguments):
            expected = ", ".join(argument for argument, _ in called.arguments)
            self._refuse(node, Refusal.ARGUMENT_COUNT, name=name, count=len(node.args), arguments=expected)
        if called.kind == "operation":
            self._refuse(node, Refusal.OPERATION_CALLED, name=name)
        if called.kind == "step" and self._method.role in ("step", "invariant", "normal_form"):
            self._refuse(node, Refusal.STEP_FROM_HERE, kind=self._method.kind, name=self._method.name)
        if called.kind not in ("step", "helper", "invariant") and called.kind == called.role:
            self._refuse(node, Refusal.KIND_CALLED, kind=called.kind, name=name)

    def _container_call(self, node: ast.Call, owner: ast.expr, name: str, statement: bool) -> None:
        if name in WRITING_METHODS and statement:
            self._target(owner)
        elif name in READING_METHODS and not statement:
            self._expression(owner)
        else:
            if isinstance(owner, ast.Name) and owner.id not in self._locals:
                self._unknown_call(node, ast.unparse(node.func))
            self._expression(owner)
            known = ", ".join(sorted(READING_METHODS | WRITING_METHODS))
            self._refuse(node, Refusal.NO_CONTAINER_METHOD, name=name, source=ast.unparse(node), methods=known)

    def _statement_function(self, node: ast.Call, name: str, statement: bool) -> None:
        if not statement:
            self._refuse(node, Refusal.NOT_A_STATEMENT, function=name)
        allowed, count = STATEMENT_FUNCTIONS[name]
        if self._method.role not in allowed:
            kind, inside = self._method.kind, self._method.name
            self._refuse(node, Refusal.WRONG_PLACE, function=name, kind=kind, name=inside, allowed=", ".join(allowed))
        if len(node.args) != count:
            self._refuse(node, Refusal.STATEMENT_ARGUMENTS, function=name, count=len(node.args))
        if name in ("require", "ensure", "assume"):
            self._expression(node.args[0])
        if name == "assume":
            return
        label = node.args[-1]
        if not (isinstance(label, ast.Constant) and isinstance(label.value, str) and label.value):
            self._refuse(node, Refusal.NO_PLAIN_NAME, function=name)

    def _choose(self, node: ast.Call) -> None:
        match node.args:
            case [ast.GeneratorExp() as generator, ast.Constant(value=str())]:
                self._generator(generator)
            case _:
                self._refuse(node, Refusal.CHOOSE_FORM)

    def _quantifier(self, node: ast.Call, name: str) -> None:
        match node.args:
            case [ast.GeneratorExp() as generator]:
                self._generator(generator)
            case _:
                self._refuse(node, Refusal.NO_GENERATOR, function=name)

    def _generator(self, node: ast.GeneratorExp) -> None:
        for part in node.generators:
            if part.is_async:
                self._refuse(node, Refusal.GENERATOR_ASYNC)
            self._loop(part.target, part.iter)
            self._expression(part.iter)
            for condition in part.ifs:
                self._expression(condition)
        self._expression(node.elt)
