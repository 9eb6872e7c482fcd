"""The type of every expression of a method, where a value that is stored, compared or counted must mean one thing.

None where a value is needed is an obligation, not a type.
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
import typing
from collections.abc import Callable, Hashable, Iterator
from enum import IntEnum
from typing import Any, NoReturn, cast

from kvproof.spec.lang.annotations import resolve
from kvproof.spec.lang.assignment import assigned
from kvproof.spec.lang.definition import Definition, Method, global_value
from kvproof.spec.lang.general_types import (
    BOOL,
    INT,
    NONE,
    NOTHING,
    UNKNOWN,
    Mixed,
    Nothing,
    Unknown,
    comparable,
    fits,
    general,
    joined,
    optional,
    present,
    told,
)
from kvproof.spec.lang.named_fields import given as given_fields
from kvproof.spec.lang.named_fields import named
from kvproof.spec.lang.record import Record
from kvproof.spec.lang.refusals import Refusal
from kvproof.spec.lang.types import (
    CONTAINERS,
    BoolType,
    EnumType,
    Index,
    IntegerType,
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    RecordType,
    SeqType,
    SetType,
    Type,
)

METHODS: dict[str, tuple[type[Type], int]] = {
    "get": (PartialMapType, 1),
    "values": (PartialMapType, 0),
    "front": (QueueType, 0),
    "priority_of": (QueueType, 1),
    "push_back": (QueueType, 2),
    "push_front": (QueueType, 2),
    "remove": (QueueType, 1),
    "add": (SetType, 1),
    "discard": (SetType, 1),
}
"""The methods of containers: whose they are, and how many arguments they take."""


def check_types(definition: Definition, method: Method) -> None:
    """Raise `LanguageError` for the first value that does not mean the same in every run."""
    _Inference(definition, method).run()


@functools.cache
def _parameter_types(cls: Hashable) -> dict[str, Type]:
    """Parameters, and the properties that are computed from them: numbers and truth values."""
    found: dict[str, Type] = {}
    hints = dict(typing.get_type_hints(cast(Any, cls)))
    for name, value in inspect.getmembers(cast(Any, cls), lambda member: isinstance(member, property)):
        hints[name] = typing.get_type_hints(value.fget).get("return")
    for name, hint in hints.items():
        found[name] = {int: INT, bool: BOOL}.get(hint, UNKNOWN)
    return found


def narrowed(test: ast.expr, holds: bool) -> frozenset[str]:
    """The expressions that are something else than None where a test holds, or does not."""
    match test:
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot() as operator], comparators=[ast.Constant(value=None)]):
            return frozenset([ast.unparse(left)]) if isinstance(operator, ast.IsNot) == holds else frozenset()
        case ast.BoolOp(op=operator, values=values) if isinstance(operator, ast.And) == holds:
            return frozenset().union(*(narrowed(value, holds) for value in values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return narrowed(operand, not holds)
        case ast.Name() | ast.Attribute() | ast.Subscript() if holds:
            return frozenset([ast.unparse(test)])
    return frozenset()


def ends(statements: list[ast.stmt]) -> bool:
    """Whether nothing goes on after these statements."""
    match statements:
        case [*_, ast.Return() | ast.Break() | ast.Continue() | ast.Expr(value=ast.Call(func=ast.Name(id="reject")))]:
            return True
    return False


class _Inference:
    def __init__(self, definition: Definition, method: Method) -> None:
        self._definition = definition
        self._method = method
        self._state = {
            name: v.type if isinstance(v.type, CONTAINERS) else general(v.type) for name, v in definition.state.items()
        }
        self._locals: dict[str, Type] = {name: general(kind) for name, kind in method.arguments}
        self._generators: list[dict[str, Type]] = []
        self._there: frozenset[str] = frozenset()
        """Expressions that a test around them has found to be something else than None."""
        self._final = False

    def run(self) -> None:
        for name, kind in self._method.arguments:
            if isinstance(kind, CONTAINERS):
                self._refuse(self._method.node, Refusal.ARGUMENT_CONTAINER, argument=name)
        if isinstance(self._method.returns, CONTAINERS):
            self._refuse(self._method.node, Refusal.RESULT_CONTAINER, name=self._method.name)
        # A local has one type; what it is may be seen only after a round through the loops.
        before: dict[str, Type] | None = None
        while before != self._locals:
            before = dict(self._locals)
            self._body(self._method.node.body)
        self._final = True
        self._body(self._method.node.body)

    def _refuse(self, node: ast.AST, refusal: Refusal, **values: Any) -> NoReturn:
        raise refusal.at(self._method.file, getattr(node, "lineno", self._method.line), **values)

    def _under(self, there: frozenset[str], visit: Callable[[Any], Any], node: Any) -> Any:
        """Visit where these expressions are something else than None."""
        before = self._there
        self._there |= there
        try:
            return visit(node)
        finally:
            self._there = before

    def _forget(self, *names: str) -> None:
        """What was found out of these variables is no longer known."""
        for name in names:
            word = re.compile(rf"(?<![\w.]){re.escape(name)}(?!\w)")
            self._there = frozenset(text for text in self._there if not word.search(text))

    # statements

    def _body(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self._statement(statement)

    def _statement(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=ast.Call() as call):
                self._effect(call)
            case ast.Assign(targets=[target], value=value):
                self._assign(target, value)
            case ast.AnnAssign(target=ast.Name(id=name) as target, annotation=annotation, value=ast.expr() as value):
                kind, declared = self._value(value), self._declared(annotation)
                if declared is not None:
                    self._belongs(value, kind, declared, name)
                    kind = declared
                self._store(target, kind)
            case ast.AugAssign(target=target, op=operator, value=value):
                self._store(target, self._combined(node, operator, target, value))
            case ast.Delete(targets=[ast.Subscript(value=owner, slice=key)]):
                kind = self._any(owner)
                if not isinstance(kind, PartialMapType):
                    self._refuse(node, Refusal.KEY_DELETED, owner=ast.unparse(owner))
                self._key(key, kind.key)
            case ast.If(test=test, body=body, orelse=orelse):
                self._condition(test)
                before, found = self._there, narrowed(test, True)
                missing = narrowed(test, False)
                self._under(found, self._body, body)
                self._under(missing, self._body, orelse)
                self._there = before | (missing if ends(body) else found if ends(orelse) else frozenset())
            case ast.For(target=target, iter=iterated, body=body):
                for variable, kind in self._looped(target, iterated):
                    self._store(variable, kind)
                self._forget(*(name for part in body for name in assigned(part)))
                self._under(frozenset(), self._body, body)
            case ast.Return(value=ast.expr() as value):
                kind = self._value(value)
                if not self._has_result(self._method):
                    self._refuse(node, Refusal.RESULT_UNDECLARED, name=self._method.name)
                self._belongs(value, kind, general(self._method.returns), f"the result of {self._method.name}")

    def _declared(self, annotation: ast.expr) -> Type | None:
        try:
            return general(resolve(eval(ast.unparse(annotation), self._method.namespace)))
        except (NameError, TypeError, AttributeError):
            return None  # it means nothing but to mypy

    def _effect(self, call: ast.Call) -> None:
        match call.func:
            case ast.Name(id="require" | "ensure" | "assume"):
                self._condition(call.args[0])
            case ast.Name(id="choose"):
                self._refuse(call, Refusal.NO_EFFECT, function="choose")
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self._definition.methods:
                self._called(call, name)
            case ast.Attribute(value=owner, attr=name):
                self._change(call, owner, name)

    def _change(self, call: ast.Call, owner: ast.expr, name: str) -> None:
        kind = self._owner(call, owner, name)
        if isinstance(kind, SetType):
            if name == "add":
                self._stored_key(call.args[0], kind.inner, f"a member of {ast.unparse(owner)}")
            else:
                self._key(call.args[0], kind.inner)
        elif isinstance(kind, QueueType):
            for argument in call.args:
                self._stored_key(argument, INT, f"an item or priority of {ast.unparse(owner)}")

    def _owner(self, call: ast.Call, owner: ast.expr, name: str) -> Type:
        """The container whose method is called, rightly."""
        kind = self._any(owner)
        expected, count = METHODS[name]
        if not isinstance(kind, expected):
            known = ", ".join(method for method, (cls, _) in METHODS.items() if isinstance(kind, cls)) or "none"
            self._refuse(call, Refusal.METHOD_OF_OTHERS, owner=ast.unparse(owner), name=name, methods=known)
        if len(call.args) != count:
            self._refuse(call, Refusal.CONTAINER_ARGUMENTS, name=name, count=len(call.args), needed=count)
        return kind

    def _assign(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            for part, kind in zip(target.elts, [self._value(element) for element in value.elts], strict=True):
                self._store(part, kind)
        else:
            self._store(target, self._value(value))

    def _store(self, target: ast.expr, kind: Type) -> None:
        match target:
            case ast.Name(id=name):
                self._forget(name)
                self._locals[name] = joined(self._locals.get(name, NOTHING), kind)
            case ast.Tuple(elts=elements):
                inner = present(kind)
                if not isinstance(inner, SeqType | Nothing | Unknown):
                    self._refuse(target, Refusal.UNPACKED, kind=told(kind))
                for element in elements:
                    self._store(element, inner.inner if isinstance(inner, SeqType) else UNKNOWN)
            case ast.Attribute(attr=name):
                self._forget(f"self.{name}")
                declared = self._state[name]
                if isinstance(declared, CONTAINERS):
                    self._refuse(target, Refusal.CONTAINER_REPLACED, name=f"self.{name}")
                self._belongs(target, kind, declared, f"self.{name}")
            case ast.Subscript(value=owner, slice=key):
                held = self._any(owner)
                if not isinstance(held, MapType | PartialMapType):
                    place = Refusal.SEQUENCE_IN_PLACE if isinstance(held, SeqType) else Refusal.WRITTEN_IN_PLACE
                    self._refuse(target, place, owner=ast.unparse(owner))
                if isinstance(held.value, CONTAINERS):
                    self._refuse(target, Refusal.CONTAINER_REPLACED, name=ast.unparse(target))
                if isinstance(held, PartialMapType):
                    self._stored_key(key, held.key, f"a key of {ast.unparse(owner)}")
                else:
                    self._key(key, held.key)
                self._belongs(target, kind, general(held.value), ast.unparse(target))

    # what may stand where

    def _belongs(self, node: ast.AST, kind: Type, declared: Type, where: str) -> None:
        if not self._final or fits(kind, declared):
            return
        values = {"found": told(kind), "where": where, "needed": told(declared)}
        match present(kind), present(declared):
            case _, EnumType(cls=enum):
                self._refuse(node, Refusal.NO_MEMBER_VALUE, enum=enum.__name__, **values)
            case BoolType(), IntegerType():
                self._refuse(node, Refusal.TRUTH_AS_NUMBER, **values)
            case _, BoolType():
                self._refuse(node, Refusal.NUMBER_AS_TRUTH, **values)
        self._refuse(node, Refusal.NOT_OF_TYPE, **values)

    def _key(self, node: ast.expr, declared: Type) -> None:
        """What a container is asked for: anything that compares with its keys."""
        kind, wanted = self._value(node), general(declared)
        numbers = (present(kind), present(wanted))
        mixed = BOOL in numbers and any(isinstance(one, IntegerType | EnumType) for one in numbers)
        if self._final and (mixed or not comparable(kind, wanted)):
            self._refuse(node, Refusal.KEY_OF_OTHER_TYPE, found=told(kind), needed=told(wanted))

    def _stored_key(self, node: ast.expr, declared: Type, where: str) -> None:
        self._belongs(node, self._value(node), general(declared), where)

    # expressions

    def _value(self, node: ast.expr) -> Type:
        """The type of a value that has no other name: a container has."""
        kind = self._any(node)
        if isinstance(kind, CONTAINERS):
            self._refuse(node, Refusal.CONTAINER_AS_VALUE, name=ast.unparse(node))
        return kind

    def _condition(self, node: ast.expr) -> None:
        """What counts as true or false: truth values, and None as false."""
        match node:
            case ast.BoolOp(values=values):
                self._connected(node, values, self._condition)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._condition(operand)
            case _:
                kind = self._any(node)
                if self._final and not fits(kind, OptionType(BOOL)):
                    self._refuse(node, Refusal.NO_TRUTH_VALUE, source=ast.unparse(node), kind=told(kind))

    def _connected(self, node: ast.BoolOp, values: list[ast.expr], visit: Callable[[ast.expr], None]) -> None:
        """`and`, `or`: what follows is looked at where what came before leaves it open."""
        there: frozenset[str] = frozenset()
        for value in values:
            self._under(there, visit, value)
            there |= narrowed(value, isinstance(node.op, ast.And))

    def _operand(self, node: ast.expr) -> None:
        """An operand of `and` or `or` whose value is asked for: it could come out itself."""
        kind = self._value(node)
        if self._final and not fits(kind, BOOL):
            self._condition(node)
        if self._final and isinstance(kind, OptionType):
            self._refuse(node, Refusal.NONE_FROM_AND_OR, source=ast.unparse(node))

    def _number(self, node: ast.expr, where: str) -> Type:
        kind = present(self._value(node))
        if self._final and not isinstance(kind, BoolType | IntegerType | EnumType | Unknown):
            if isinstance(kind, Nothing):
                self._refuse(node, Refusal.NONE_AS_NUMBER, source=ast.unparse(node), where=where)
            self._refuse(node, Refusal.NO_NUMBER, source=ast.unparse(node), kind=told(kind), where=where)
        return kind

    def _any(self, node: ast.expr) -> Type:
        kind = self._kind(node)
        if self._there and isinstance(kind, OptionType) and ast.unparse(node) in self._there:
            return kind.inner
        return kind

    def _kind(self, node: ast.expr) -> Type:
        match node:
            case ast.Constant(value=bool()):
                return BOOL
            case ast.Constant(value=int()):
                return INT
            case ast.Constant():
                return NONE
            case ast.Name(id=name):
                return self._name(node, name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="params"), attr=name):
                return _parameter_types(cast(Hashable, self._definition.parameters)).get(name, UNKNOWN)
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._state[name]
            case ast.Attribute(value=ast.Name(id=owner), attr=name) if not self._is_local(owner):
                member = getattr(global_value(self._method, owner), name, None)
                if not isinstance(member, IntEnum):
                    self._refuse(node, Refusal.NO_ENUM_MEMBER, owner=owner, name=name)
                return EnumType(type(member))
            case ast.Attribute(value=owner, attr=name):
                return self._field(node, owner, name)
            case ast.Subscript(value=owner, slice=ast.Slice(lower=lower, upper=upper)):
                return self._slice(owner, lower, upper)
            case ast.Subscript(value=owner, slice=key):
                return self._subscript(node, owner, key)
            case ast.BinOp(left=left, op=operator, right=right):
                return self._combined(node, operator, left, right)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self._condition(operand)
                return BOOL
            case ast.UnaryOp(operand=operand):
                self._number(operand, "minus")
                return INT
            case ast.BoolOp(values=values):
                self._connected(node, values, self._operand)
                return BOOL
            case ast.Compare():
                return self._compared(node)
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._condition(test)
                then = self._under(narrowed(test, True), self._value, body)
                return self._common(node, [then, self._under(narrowed(test, False), self._value, orelse)])
            case ast.Tuple(elts=elements):
                return SeqType(self._common(node, [self._value(element) for element in elements]), 0, False)
            case ast.Call():
                return self._call(node)
        raise AssertionError(f"{ast.unparse(node)} passed the checker")

    def _common(self, node: ast.expr, kinds: list[Type]) -> Type:
        result = functools.reduce(joined, kinds, cast(Type, NOTHING))
        if self._final and isinstance(result, Mixed):
            found = " and ".join(dict.fromkeys(map(told, kinds)))
            self._refuse(node, Refusal.NO_COMMON_TYPE, source=ast.unparse(node), kinds=found)
        return result

    def _is_local(self, name: str) -> bool:
        return name in self._locals or any(name in inside for inside in self._generators)

    def _name(self, node: ast.expr, name: str) -> Type:
        for inside in reversed(self._generators):
            if name in inside:
                return inside[name]
        if name in self._locals:
            kind = self._locals[name]
            if self._final and isinstance(kind, Mixed):
                self._refuse(node, Refusal.LOCAL_OF_TWO_TYPES, name=name, kind=told(kind))
            return kind
        try:
            value = global_value(self._method, name)
        except KeyError:
            if not self._final:
                return NOTHING  # a local that is assigned further on
            self._refuse(node, Refusal.HAS_NO_VALUE, name=name)
        if isinstance(value, type):
            self._refuse(node, Refusal.CLASS_AS_VALUE, name=name)
        if isinstance(value, IntEnum):
            return EnumType(type(value))
        return BOOL if isinstance(value, bool) else INT

    def _field(self, node: ast.expr, owner: ast.expr, name: str) -> Type:
        kind = present(self._value(owner))
        if isinstance(kind, RecordType):
            for field, field_type in self._definition.records[kind.name].fields:
                if field == name:
                    return general(field_type)
        if self._final and not isinstance(kind, Unknown | Nothing):
            self._refuse(node, Refusal.HAS_NO_FIELD, source=ast.unparse(owner), kind=told(kind), name=name)
        return UNKNOWN if self._final else NOTHING

    def _sequence(self, node: ast.expr, kind: Type) -> Type:
        """The type of the elements."""
        kind = present(kind)
        if isinstance(kind, SeqType):
            return kind.inner
        if self._final and not isinstance(kind, Unknown | Nothing):
            self._refuse(node, Refusal.HAS_NO_ELEMENTS, source=ast.unparse(node), kind=told(kind))
        return UNKNOWN if self._final else NOTHING

    def _slice(self, owner: ast.expr, lower: ast.expr | None, upper: ast.expr | None) -> Type:
        inner = self._sequence(owner, self._value(owner))
        for part in (lower, upper):
            if part is not None and not (isinstance(part, ast.Constant) and part.value is None):
                self._number(part, "the end of a slice")
        return SeqType(inner, 0, False)

    def _subscript(self, node: ast.expr, owner: ast.expr, key: ast.expr) -> Type:
        kind = self._any(owner)
        if isinstance(kind, MapType | PartialMapType):
            self._key(key, kind.key)
            return kind.value if isinstance(kind.value, CONTAINERS) else general(kind.value)
        inner = self._sequence(owner, kind)
        self._number(key, "a position")
        return inner

    def _combined(self, node: ast.AST, operator: ast.operator, left: ast.expr, right: ast.expr) -> Type:
        kinds = present(self._value(left)), present(self._value(right))
        if isinstance(operator, ast.Add) and any(isinstance(kind, SeqType) for kind in kinds):
            result = joined(*kinds)
            if self._final and not isinstance(result, SeqType | Unknown):
                self._refuse(node, Refusal.NO_SUM, one=told(kinds[0]), other=told(kinds[1]))
            return result
        for part in (left, right):
            self._number(part, "arithmetic")
        return INT

    def _compared(self, node: ast.Compare) -> Type:
        sides = [node.left, *node.comparators]
        for i, operator in enumerate(node.ops):
            left, right = sides[i], sides[i + 1]
            match operator:
                case ast.Is() | ast.IsNot():
                    if not any(isinstance(side, ast.Constant) and side.value is None for side in (left, right)):
                        self._refuse(node, Refusal.IDENTITY, source=ast.unparse(node))
                    self._value(left)
                    self._value(right)
                case ast.In() | ast.NotIn():
                    self._membership(left, right)
                case ast.Eq() | ast.NotEq():
                    a, b = self._value(left), self._value(right)
                    if self._final and not comparable(a, b):
                        self._refuse(node, Refusal.COMPARED, one=told(a), other=told(b), source=ast.unparse(node))
                case _:
                    self._number(left, "an order")
                    self._number(right, "an order")
        return BOOL

    def _membership(self, left: ast.expr, right: ast.expr) -> None:
        kind = present(self._any(right))
        match kind:
            case PartialMapType(key=key):
                self._key(left, key)
            case SetType(inner=inner):
                self._key(left, inner)
            case QueueType():
                self._key(left, INT)
            case MapType():
                self._refuse(right, Refusal.IN_TOTAL_MAP, owner=ast.unparse(right))
            case _:
                inner = self._sequence(right, kind)
                found = self._value(left)
                if self._final and not comparable(found, inner):
                    self._refuse(left, Refusal.LOOKED_FOR, found=told(found), needed=told(inner))

    # calls

    def _has_result(self, method: Method) -> bool:
        returns = method.node.returns
        return method.returns is not None or (returns is not None and ast.unparse(returns) not in ("None", "NoReturn"))

    def _called(self, call: ast.Call, name: str) -> Type:
        method = self._definition.methods[name]
        for (argument, kind), given in zip(method.arguments, call.args, strict=True):
            self._belongs(given, self._value(given), general(kind), f"argument {argument} of {name}")
        return general(method.returns) if self._has_result(method) else NONE

    def _call(self, node: ast.Call) -> Type:
        match node.func:
            case ast.Attribute(value=ast.Name(id="self"), attr=name) if name in self._definition.methods:
                if not self._has_result(self._definition.methods[name]):
                    self._refuse(node, Refusal.RESULT_OF_NOTHING, name=name)
                return self._called(node, name)
            case ast.Attribute(value=ast.Name(id="self"), attr="every"):
                self._refuse(node, Refusal.LOOP_AS_VALUE, source=ast.unparse(node))
            case ast.Attribute(value=owner, attr=name):
                kind = self._owner(node, owner, name)
                if isinstance(kind, QueueType):
                    for argument in node.args:
                        self._key(argument, INT)
                    return INT
                if name == "values" or not isinstance(kind, PartialMapType):
                    self._refuse(node, Refusal.LOOP_AS_VALUE, source=ast.unparse(node))
                self._key(node.args[0], kind.key)
                return optional(general(kind.value))
            case ast.Name(id="len"):
                return self._length(node)
            case ast.Name(id="min" | "max" as name):
                return self._extreme(node, name)
            case ast.Name(id="known"):
                return present(self._value(node.args[0]))
            case ast.Name(id="replace"):
                return self._replaced(node)
            case ast.Name(id="all" | "any" | "sum" | "tuple" | "choose" as name):
                generator = node.args[0]
                assert isinstance(generator, ast.GeneratorExp)
                return self._generated(generator, name)
            case ast.Name(id=name) if name in self._definition.records:
                record = self._definition.records[name]
                for field, given in given_fields(node, [field for field, _ in record.fields]):
                    kind = general(dict(record.fields)[field])
                    self._belongs(given, self._value(given), kind, f"field {field} of {name}")
                return general(record)
            case ast.Name(id=name):
                for cls in self._classes([node.func]):
                    if issubclass(cls, IntEnum | Index):
                        self._belongs(node.args[0], self._value(node.args[0]), INT, f"{name}(..)")
                        return EnumType(cls) if issubclass(cls, IntEnum) else INT
        self._refuse(node, Refusal.LOOP_AS_VALUE, source=ast.unparse(node))

    def _replaced(self, node: ast.Call) -> Type:
        """replace(record, field=value, ..): a record of the same class."""
        kind = present(self._value(node.args[0]))
        fields = dict(self._definition.records[kind.name].fields) if isinstance(kind, RecordType) else {}
        if self._final and not isinstance(kind, RecordType | Unknown | Nothing):
            self._refuse(node, Refusal.REPLACED, source=ast.unparse(node.args[0]), kind=told(kind))
        for field, given in named(node):
            value = self._value(given)
            if field in fields:
                self._belongs(given, value, general(fields[field]), f"field {field} of {told(kind)}")
            elif isinstance(kind, RecordType):
                known = ", ".join(fields)
                self._refuse(node, Refusal.FIELD_OF_OTHERS, record=kind.name, name=field, fields=known)
        return kind

    def _length(self, node: ast.Call) -> Type:
        if len(node.args) != 1:
            self._refuse(node, Refusal.LENGTH_OF_SEVERAL, count=len(node.args))
        kind = present(self._any(node.args[0]))
        measured = SeqType | PartialMapType | SetType | QueueType | Unknown
        if self._final and not isinstance(kind, measured):
            self._refuse(node, Refusal.NO_LENGTH, source=ast.unparse(node.args[0]), kind=told(kind))
        return INT

    def _extreme(self, node: ast.Call, name: str) -> Type:
        if len(node.args) < 2:
            values = {"function": name, "count": len(node.args), "word": "smallest" if name == "min" else "largest"}
            self._refuse(node, Refusal.EXTREME_OF_ONE, source=ast.unparse(node), **values)
        kinds = [self._number(argument, name) for argument in node.args]
        if self._final and BOOL in kinds:
            self._refuse(node, Refusal.EXTREME_OF_TRUTH, function=name)
        return functools.reduce(joined, kinds, cast(Type, NOTHING))

    def _generated(self, node: ast.GeneratorExp, name: str) -> Type:
        inside: dict[str, Type] = {}
        for position, part in enumerate(node.generators):
            found = list(self._looped(part.target, part.iter))  # the first one is evaluated outside
            if position == 0:
                self._generators.append(inside)
            inside.update({variable.id: kind for variable, kind in found})
            for condition in part.ifs:
                self._condition(condition)
        try:
            if name in ("all", "any"):
                self._condition(node.elt)
                return BOOL
            if name == "sum":
                self._number(node.elt, "sum")
                return INT
            return SeqType(self._value(node.elt), 0, False) if name == "tuple" else self._value(node.elt)
        finally:
            self._generators.pop()

    def _looped(self, target: ast.expr, iterated: ast.expr) -> Iterator[tuple[ast.Name, Type]]:
        """The variables of a loop, and the types of what they are given."""
        match target, iterated:
            case ast.Tuple(elts=[number, inner]), ast.Call(func=ast.Name(id="enumerate"), args=[counted]):
                assert isinstance(number, ast.Name)
                yield number, INT
                yield from self._looped(inner, counted)
            case ast.Tuple(elts=parts), ast.Call(func=ast.Name(id="zip"), args=arguments):
                for part, argument in zip(parts, arguments, strict=True):
                    yield from self._looped(part, argument)
            case ast.Name(), _:
                yield target, self._iterated(iterated)

    def _iterated(self, node: ast.expr, backwards: bool = False) -> Type:
        """The type of what a loop visits."""
        match node:
            case ast.Call(func=ast.Name(id="range"), args=ends):
                if not 1 <= len(ends) <= 3:
                    self._refuse(node, Refusal.RANGE_FORM, count=len(ends))
                for end in ends:
                    self._number(end, "range")
                return INT
            case ast.Call(func=ast.Name(id="reversed"), args=arguments):
                if len(arguments) != 1 or backwards:
                    self._refuse(node, Refusal.REVERSED_FORM, source=ast.unparse(node))
                match arguments[0]:
                    case ast.Call(func=ast.Name(id="enumerate" | "zip")):
                        self._refuse(node, Refusal.REVERSED_FORM, source=ast.unparse(node))
                return self._iterated(arguments[0], backwards=True)
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="every"), args=arguments):
                for cls in self._classes(arguments):
                    if issubclass(cls, Index) and len(arguments) == 1:
                        return INT
                self._refuse(node, Refusal.EVERY_OF, source=ast.unparse(node))
            case ast.Call(func=ast.Attribute(value=owner, attr="values")):
                kind = self._owner(node, owner, "values")
                assert isinstance(kind, PartialMapType)
                return general(kind.value)
            case ast.Name():
                for cls in self._classes([node]):
                    if issubclass(cls, IntEnum):
                        return EnumType(cls)
        kind = self._any(node)
        if isinstance(kind, SetType) and not backwards:
            return general(kind.inner)
        if isinstance(kind, QueueType) and not backwards:
            return INT
        if isinstance(kind, CONTAINERS):
            way = "reversed" if backwards else "looped over"
            self._refuse(node, Refusal.CONTAINER_ITERATED, source=ast.unparse(node), way=way)
        if self._final and not isinstance(present(kind), SeqType | Unknown):
            self._refuse(node, Refusal.NOT_ITERATED, source=ast.unparse(node), kind=told(kind))
        inner = present(kind)
        return inner.inner if isinstance(inner, SeqType) else NOTHING

    def _classes(self, nodes: list[ast.expr]) -> Iterator[type[Any]]:
        for node in nodes:
            if isinstance(node, ast.Name) and not self._is_local(node.id):
                value = self._method.namespace.get(node.id)
                if isinstance(value, type) and issubclass(value, IntEnum | Index | Record):
                    yield value
