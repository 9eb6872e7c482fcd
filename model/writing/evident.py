"""What the values of a machine's expressions evidently are: so that its reference tests only what may leave its type.

A value is tested where it enters the state, is used as a key or is the result of a helper; annotations of locals and of
the arguments of helpers and steps mean nothing when a machine runs. What is read from the state, what a loop meets, what
operations are given and what is chosen among these is of its type without a test. This is found out over the whole machine
at once, by iteration to a fixed point, without regard to the order of assignments; only tests for None are followed.
"""

from __future__ import annotations

import ast
from enum import IntEnum
from typing import Any

import attrs

from kvproof.spec.lang.definition import FREE_FORM, TESTED, Definition, Method, global_value
from kvproof.spec.lang.named_fields import given as given_fields
from kvproof.spec.lang.named_fields import named
from kvproof.spec.lang.types import (
    BoolType,
    EnumType,
    Index,
    IndexType,
    IntegerType,
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    RangeType,
    RecordType,
    SeqType,
    SetType,
    Type,
    inner_types,
)


@attrs.frozen
class Anything(Type):
    """Nothing is known."""


@attrs.frozen
class Never(Type):
    """No value has been met."""


ANYTHING, NEVER = Anything(), Never()
DEEPEST = 6
"""Sequences in sequences are followed so far."""
NUMBERS = (RangeType, IndexType, IntegerType, EnumType)
NATURAL = RangeType(0, None)  # type: ignore[arg-type]  # there is no end
"""Any number but a negative one."""

Position = tuple[int, int, int, int]


def position(node: ast.AST) -> Position | None:
    """Where an expression stands in the source; None for one that was made."""
    if not hasattr(node, "lineno"):
        return None
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset  # type: ignore[attr-defined]


def optional(kind: Type) -> Type:
    """The kind, or None."""
    return kind if isinstance(kind, OptionType | Anything) else OptionType(kind)


def present(kind: Type) -> Type:
    """The kind without None."""
    return kind.inner if isinstance(kind, OptionType) else kind


def joined(a: Type, b: Type) -> Type:
    """What a value is that is one or the other."""
    if a == b or isinstance(b, Never):
        return a
    if isinstance(a, Never):
        return b
    if isinstance(a, Anything) or isinstance(b, Anything):
        return ANYTHING
    if isinstance(a, OptionType) or isinstance(b, OptionType):
        return optional(joined(present(a), present(b)))
    if isinstance(a, SeqType) and isinstance(b, SeqType):
        return SeqType(joined(a.inner, b.inner), _longer(a.limit, b.limit), exact=False)
    if isinstance(a, RecordType) and isinstance(b, RecordType) and a.cls is b.cls:
        fields = zip(a.fields, b.fields, strict=True)
        return RecordType(a.cls, tuple((name, joined(one, other)) for (name, one), (_, other) in fields))
    if isinstance(a, NUMBERS) and isinstance(b, NUMBERS):
        for one, other in ((a, b), (b, a)):
            if evident(one, other):
                return other
        return _hull(a, b)
    return ANYTHING


def _longer(a: Any, b: Any) -> Any:
    """The limit of sequences of either limit; None when it is not known."""
    if a == b or b == 0:
        return a
    if a == 0:
        return b
    return max(a, b) if isinstance(a, int) and isinstance(b, int) else None


def is_natural(kind: Type) -> bool:
    """Whether a number is surely not negative."""
    return isinstance(kind, IndexType) or (isinstance(kind, RangeType) and isinstance(kind.low, int) and kind.low >= 0)


def _hull(a: Type, b: Type) -> Type:
    ends = [end for kind in (a, b) if isinstance(kind, RangeType) for end in (kind.low, kind.high)]
    if len(ends) == 4 and all(isinstance(end, int) for end in ends):
        return RangeType(min(ends), max(ends))  # type: ignore[type-var]  # integers, as was just tested
    return NATURAL if is_natural(a) and is_natural(b) else IntegerType()


def evident(found: Type, kind: Type) -> bool:
    """Whether every value that is `found` belongs to the declared type `kind`, which is taken to have values."""
    if found == kind or isinstance(found, Never):
        return True
    if isinstance(kind, OptionType):
        return evident(present(found), kind.inner)
    if isinstance(kind, IntegerType):
        return isinstance(found, RangeType | IndexType)
    if isinstance(found, RangeType) and isinstance(kind, RangeType):
        return _within(found, kind)
    if isinstance(found, RangeType) and isinstance(kind, IndexType):
        return found.low == found.high == 0
    if isinstance(found, RecordType) and isinstance(kind, RecordType):
        fields = zip(found.fields, kind.fields, strict=False)
        return found.cls is kind.cls and all(evident(one, other) for (_, one), (_, other) in fields)
    if isinstance(found, SeqType) and isinstance(kind, SeqType):
        return evident(found.inner, kind.inner) and short_enough(found, kind)
    return False


def _within(found: RangeType, kind: RangeType) -> bool:
    if not (isinstance(found.low, int) and isinstance(found.high, int)):
        return False
    above = found.low == kind.low or (isinstance(kind.low, int) and kind.low <= found.low)
    below = found.high in (kind.high, kind.low) or (isinstance(kind.high, int) and found.high <= kind.high)
    return above and below


def short_enough(found: SeqType, kind: SeqType) -> bool:
    """Whether the length of every sequence that is `found` is allowed."""
    if kind.exact:
        return found.exact and found.limit == kind.limit
    if found.limit is None:
        return False
    if found.limit in (0, kind.limit):
        return True
    return isinstance(found.limit, int) and isinstance(kind.limit, int) and found.limit <= kind.limit


class Evidence:
    """The kinds of all expressions of a machine's methods."""

    def __init__(self, definition: Definition, enforce: bool) -> None:
        self.definition = definition
        self.enforce = enforce
        """Whether steps test their rules, so that what a rule says holds after it."""
        self.results: dict[str, Type] = {}
        self.missing: dict[str, set[str]] = {}
        """The arguments of helpers and steps that may be given None and take none: that is tested."""
        self._readings: dict[str, Reading] = {}
        self._callers: dict[str, set[str]] = {}
        self._pending = [
            method.name
            for method in definition.methods.values()
            if method.kind not in (*FREE_FORM, "theorem", "helper") and method.kind == method.role
        ]
        for name in self._pending:
            # Steps are taken by whoever reports some: such values are tested before.
            self._reading(name).locals.update(
                {argument: kind or ANYTHING for argument, kind in definition.methods[name].arguments}
            )
        while self._pending:
            self._read(self._pending.pop())

    def kind(self, method: Method, node: ast.expr) -> Type:
        """What an expression of a method is."""
        reading = self._readings.get(method.name)
        return ANYTHING if reading is None else reading.found.get(position(node), ANYTHING)

    def written(self, method: Method, target: ast.expr) -> Type:
        """What a method writes to a target."""
        reading = self._readings.get(method.name)
        return ANYTHING if reading is None else reading.found.get(_written(target), ANYTHING)

    def returned(self, method: Method, node: ast.Return) -> Type:
        """What a method returns here."""
        reading = self._readings.get(method.name)
        return NEVER if reading is None else reading.found.get(position(node), NEVER)

    def is_local(self, method: Method, name: str) -> bool:
        """Whether a name is an argument or a local of a method."""
        return name in self._reading(method.name).locals

    def _reading(self, name: str) -> Reading:
        if name not in self._readings:
            self._readings[name] = Reading(self, self.definition.methods[name])
        return self._readings[name]

    def _read(self, name: str) -> None:
        result = self._reading(name).run()
        method = self.definition.methods[name]
        if method.kind in TESTED and method.returns is not None and not evident(result, method.returns):
            result = method.returns  # it is tested
        before = self.results.get(name, NEVER)
        self.results[name] = joined(before, result)
        if self.results[name] != before:
            self._wait(*self._callers.get(name, ()))

    def _wait(self, *names: str) -> None:
        self._pending += [name for name in names if name not in self._pending]

    def called(self, name: str, given: list[Type], caller: str) -> Type:
        """Note a call; what it returns, as far as that is known now."""
        method = self.definition.methods.get(name)
        if method is None or method.kind in FREE_FORM:
            return ANYTHING
        callers = self._callers.setdefault(name, set())
        fresh = name not in self._readings
        callers.add(caller)
        known = self._reading(name).locals
        for (argument, declared), kind in zip(method.arguments, given, strict=False):
            if isinstance(kind, OptionType | Anything) and not isinstance(declared, OptionType):
                self.missing.setdefault(name, set()).add(argument)
                kind = present(kind)
            wider = joined(known[argument], kind)
            if wider != known[argument]:
                known[argument] = wider
                fresh = True
        if fresh:
            self._wait(name)
        return self.results.get(name, NEVER)


Fact = tuple[str, frozenset[str]]
"""An expression that is not None, and the locals that it reads; "self" among these when it reads the state."""
Facts = frozenset[Fact]


class Reading:
    """One method: the kinds of its locals, and of its expressions."""

    def __init__(self, evidence: Evidence, method: Method) -> None:
        self.locals: dict[str, Type] = dict.fromkeys(
            [argument for argument, _ in method.arguments] + sorted(_assigned(method.node) - {"self"}), NEVER
        )
        self.found: dict[Position | None, Type] = {}
        self._evidence = evidence
        self._method = method
        self._state = evidence.definition.state
        self._result: Type = NEVER
        self._parameters = {field.name for field in attrs.fields(evidence.definition.parameters)}

    def run(self) -> Type:
        """Read the body until nothing more is learned; what the method returns."""
        while True:
            before = dict(self.locals)
            self._result = NEVER
            if self._block(self._method.node.body, frozenset()) is not None:
                self._result = joined(self._result, OptionType(NEVER))
            if self.locals == before:
                return self._result

    # statements

    def _block(self, statements: list[ast.stmt], facts: Facts) -> Facts | None:
        """What is known to be there after the statements; None when they always leave."""
        known: Facts | None = facts
        for statement in statements:
            if known is None:
                break
            known = self._statement(statement, known)
        return known

    def _statement(self, node: ast.stmt, facts: Facts) -> Facts | None:
        match node:
            case ast.Assign(targets=[target], value=value):
                return self._assign(target, value, facts)
            case ast.AnnAssign(target=target, value=ast.expr() as value):
                return self._assign(target, value, facts)
            case ast.AugAssign(target=target, op=op, value=value):
                kind = _computed(op, self._expression(target, facts), self._expression(value, facts), value)
                self.found[position(node)] = kind
                return self._store(target, kind, facts)
            case ast.If(test=test, body=body, orelse=orelse):
                self._expression(test, facts)
                ways = (
                    self._block(body, facts | self._facts(test, True)),
                    self._block(orelse, facts | self._facts(test, False)),
                )
                left = [way for way in ways if way is not None]
                return frozenset.intersection(*left) if left else None
            case ast.For(target=target, iter=iterated, body=body):
                found = self._looped(target, iterated, facts)
                inside = _without(facts, _assigned(node))
                for variable, kind in found:
                    self._bind(variable.id, kind)
                    self.found[position(variable)] = kind
                self._block(body, inside)
                return inside
            case ast.Return(value=value):
                kind = OptionType(NEVER) if value is None else self._expression(value, facts)
                self.found[position(node)] = kind
                self._result = joined(self._result, kind)
                return None
            case ast.Break() | ast.Continue():
                return None
            case ast.Delete(targets=targets):
                for target in targets:
                    self._expression(target, facts)
                return _without(facts, {"self"})
            case ast.Expr(value=ast.Call(func=ast.Name(id="reject"))):
                return None
            case ast.Expr(value=ast.Call(func=ast.Name(id="require" | "ensure" | "assume" as stated), args=[test, *_])):
                self._expression(test, facts)
                told = stated != "require" or self._evidence.enforce
                return facts | self._facts(test, True) if told else facts
            case ast.Expr(value=value):
                self._expression(value, facts)
                # a step was taken, or a container changed
                return _without(facts, {"self"}) if isinstance(value, ast.Call) else facts
        return facts

    def _assign(self, target: ast.expr, value: ast.expr, facts: Facts) -> Facts:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
            kinds = [self._expression(part, facts) for part in value.elts]
            for part, kind in zip(target.elts, kinds, strict=True):
                facts = self._store(part, kind, facts)
            return facts
        return self._store(target, self._expression(value, facts), facts)

    def _store(self, target: ast.expr, kind: Type, facts: Facts) -> Facts:
        if isinstance(target, ast.Tuple):
            whole = present(kind)
            for part in target.elts:
                facts = self._store(part, _element(whole) if isinstance(whole, SeqType) else _unread(whole), facts)
            return facts
        if isinstance(target, ast.Name):
            self._bind(target.id, kind)
            facts = _without(facts, {target.id})
            there = not isinstance(kind, OptionType | Anything | Never)
            return facts | {(target.id, frozenset({target.id}))} if there else facts
        self._expression(target, facts)
        self.found[_written(target)] = kind
        return _without(facts, {"self"})

    def _bind(self, name: str, kind: Type) -> None:
        self.locals[name] = joined(self.locals[name], kind)

    # what is not None

    def _facts(self, test: ast.expr, truth: bool) -> Facts:
        """What is not None when a condition is true, or false."""
        match test:
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self._facts(operand, not truth)
            case ast.BoolOp(op=op, values=values) if isinstance(op, ast.And) == truth:
                return frozenset().union(*(self._facts(value, truth) for value in values))
            case ast.Compare(left=left, ops=[ast.IsNot() as op], comparators=[ast.Constant(value=None)]) if truth:
                return self._fact(left)
            case ast.Compare(left=left, ops=[ast.Is() as op], comparators=[ast.Constant(value=None)]) if not truth:
                return self._fact(left)
        return frozenset()

    def _fact(self, node: ast.expr) -> Facts:
        if not isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            return frozenset()
        reads_state = any(isinstance(part, ast.Name) and part.id == "self" for part in ast.walk(node))
        if reads_state and self._method.role in ("operation", "trial", "helper"):
            return frozenset()  # a step may be taken at any moment
        if any(isinstance(part, ast.Call) for part in ast.walk(node)):
            return frozenset()
        return frozenset({(ast.unparse(node), frozenset(p.id for p in ast.walk(node) if isinstance(p, ast.Name)))})

    # expressions

    def _expression(self, node: ast.expr, facts: Facts) -> Type:
        kind = self._kind(node, facts)
        if isinstance(kind, OptionType) and facts and isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
            text = ast.unparse(node)
            if any(text == fact for fact, _ in facts):
                kind = kind.inner
        self.found[position(node)] = kind
        return kind

    def _kind(self, node: ast.expr, facts: Facts) -> Type:
        match node:
            case ast.Constant(value=value):
                return _constant(value)
            case ast.Name(id=name):
                if name in self.locals:
                    return self.locals[name]
                return self._global(name)
            case ast.Attribute(value=ast.Attribute(value=ast.Name(id="self"), attr="params"), attr=name):
                return IntegerType() if name in self._parameters else ANYTHING
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                return self._state[name].type if name in self._state else ANYTHING
            case ast.Attribute(value=owner, attr=name):
                return self._attribute(owner, name, facts)
            case ast.Subscript(value=owner, slice=ast.Slice(lower=lower, upper=upper)):
                for part in (lower, upper):
                    if part is not None:
                        self._expression(part, facts)
                whole = present(self._expression(owner, facts))
                return SeqType(whole.inner, whole.limit, exact=False) if isinstance(whole, SeqType) else _unread(whole)
            case ast.Subscript(value=owner, slice=key):
                self._expression(key, facts)
                return _element(present(self._expression(owner, facts)))
            case ast.BinOp(left=left, op=op, right=right):
                return _computed(op, self._expression(left, facts), self._expression(right, facts), right)
            case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(value))):
                return RangeType(-value, -value)
            case ast.UnaryOp(op=op, operand=operand):
                self._expression(operand, facts)
                return BoolType() if isinstance(op, ast.Not) else IntegerType()
            case ast.BoolOp(op=op, values=values):
                kind: Type = NEVER
                for part in values:
                    kind = joined(kind, self._expression(part, facts))
                    facts = facts | self._facts(part, isinstance(op, ast.And))
                return kind
            case ast.Compare(left=left, comparators=comparators):
                for part in (left, *comparators):
                    self._expression(part, facts)
                return BoolType()
            case ast.IfExp(test=test, body=body, orelse=orelse):
                self._expression(test, facts)
                then = self._expression(body, facts | self._facts(test, True))
                return joined(then, self._expression(orelse, facts | self._facts(test, False)))
            case ast.Tuple(elts=elements):
                inner: Type = NEVER
                for element in elements:
                    inner = joined(inner, self._expression(element, facts))
                return SeqType(inner, len(elements), exact=bool(elements)) if _depth(inner) < DEEPEST else ANYTHING
            case ast.GeneratorExp(elt=element, generators=generators):
                return self._expression(element, self._generated(generators, facts))
            case ast.Call(func=ast.Name(id="replace")):
                return self._replaced(node, facts)
            case ast.Call(func=ast.Name(id=name), keywords=[_, *_]):
                return self._record(node, name, facts)
            case ast.Call(func=function, args=arguments):
                return self._call(function, arguments, facts)
        return ANYTHING

    def _global(self, name: str) -> Type:
        try:
            value = global_value(self._method, name)
        except KeyError:
            return ANYTHING
        if isinstance(value, IntEnum):
            return EnumType(type(value))
        return _constant(value)

    def _attribute(self, owner: ast.expr, name: str, facts: Facts) -> Type:
        if isinstance(owner, ast.Name) and owner.id not in self.locals and owner.id != "self":
            value = self._method.namespace.get(owner.id)
            if isinstance(value, type) and issubclass(value, IntEnum):
                return EnumType(value)
        whole = present(self._expression(owner, facts))
        return dict(whole.fields).get(name, ANYTHING) if isinstance(whole, RecordType) else _unread(whole)

    def _generated(self, generators: list[ast.comprehension], facts: Facts) -> Facts:
        for part in generators:
            for variable, kind in self._looped(part.target, part.iter, facts):
                self._bind(variable.id, kind)
                facts = _without(facts, {variable.id})
            for test in part.ifs:
                self._expression(test, facts)
                facts = facts | self._facts(test, True)
        return facts

    def _looped(self, target: ast.expr, iterated: ast.expr, facts: Facts) -> list[tuple[ast.Name, Type]]:
        """The variables of a loop, and what they meet."""
        match target, iterated:
            case ast.Tuple(elts=[ast.Name() as number, inner]), ast.Call(func=ast.Name(id="enumerate"), args=[counted]):
                return [(number, NATURAL), *self._looped(inner, counted, facts)]
            case ast.Tuple(elts=parts), ast.Call(func=ast.Name(id="zip"), args=arguments):
                pairs = zip(parts, arguments, strict=True)
                return [found for part, argument in pairs for found in self._looped(part, argument, facts)]
            case ast.Name(), _:
                return [(target, self._elements(iterated, facts))]
        return []

    def _elements(self, node: ast.expr, facts: Facts) -> Type:
        """What a loop over an expression meets."""
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="self"), attr="every"), args=[ast.Name(id=name)]):
                cls = self._method.namespace.get(name)
                return IndexType(cls) if isinstance(cls, type) and issubclass(cls, Index) else ANYTHING
            case ast.Call(func=ast.Name(id="range"), args=ends):
                kinds = [self._expression(end, facts) for end in ends]
                rises = len(kinds) == 1 or (is_natural(kinds[0]) and (len(kinds) == 2 or is_natural(kinds[2])))
                return NATURAL if rises else IntegerType()
            case ast.Call(func=ast.Name(id="reversed"), args=[inner]):
                return self._elements(inner, facts)
            case ast.Name(id=name) if name not in self.locals:
                cls = self._method.namespace.get(name)
                if isinstance(cls, type) and issubclass(cls, IntEnum):
                    return EnumType(cls)
        whole = present(self._expression(node, facts))
        if isinstance(whole, QueueType):
            return whole.item
        return whole.inner if isinstance(whole, SeqType | SetType) else _unread(whole)

    def _call(self, function: ast.expr, arguments: list[ast.expr], facts: Facts) -> Type:
        match function:
            case ast.Attribute(value=ast.Name(id="self"), attr="every"):
                return ANYTHING
            case ast.Attribute(value=ast.Name(id="self"), attr=name):
                given = [self._expression(argument, facts) for argument in arguments]
                return self._evidence.called(name, given, self._method.name)
            case ast.Attribute(value=owner, attr=name):
                whole = present(self._expression(owner, facts))
                for argument in arguments:
                    self._expression(argument, facts)
                return _read(whole, name)
            case ast.Name(id="range" | "reversed"):
                made = ast.Call(function, arguments, [])
                return SeqType(self._elements(made, facts), None, exact=False)  # type: ignore[arg-type]  # not known
            case ast.Name(id=name):
                return self._function(name, [self._expression(argument, facts) for argument in arguments])
        return ANYTHING

    def _function(self, name: str, given: list[Type]) -> Type:
        if name == "len" or (name == "sum" and given and is_natural(given[0])):
            return NATURAL
        if name == "sum":
            return IntegerType()
        if name in ("all", "any"):
            return BoolType()
        if name == "known":
            return present(given[0])
        if name == "tuple":
            return SeqType(given[0], None, exact=False) if _depth(given[0]) < DEEPEST else ANYTHING  # type: ignore[arg-type]
        cls = self._method.namespace.get(name)
        if isinstance(cls, type) and issubclass(cls, IntEnum | Index):
            return IndexType(cls) if issubclass(cls, Index) else EnumType(cls)
        if name in ("min", "max", "choose") and given:
            kind = given[0]
            for other in given[1:] if name != "choose" else ():
                kind = joined(kind, other)
            whole = present(kind)
            single = name != "choose" and len(given) == 1
            return whole.inner if single and isinstance(whole, SeqType | SetType) else kind
        record = self._evidence.definition.records.get(name)
        if record is None or len(given) != len(record.fields):
            return ANYTHING
        return self._made(record, {field: kind for kind, (field, _) in zip(given, record.fields, strict=True)})

    def _record(self, node: ast.Call, name: str, facts: Facts) -> Type:
        """A record of which some fields are given by name."""
        record = self._evidence.definition.records[name]
        fields = given_fields(node, [field for field, _ in record.fields])
        return self._made(record, {field: self._expression(value, facts) for field, value in fields})

    def _replaced(self, node: ast.Call, facts: Facts) -> Type:
        """replace(record, field=value, ..)."""
        whole = present(self._expression(node.args[0], facts))
        changed = {field: self._expression(value, facts) for field, value in named(node)}
        if not isinstance(whole, RecordType):
            return _unread(whole)
        return self._made(self._evidence.definition.records[whole.name], {**dict(whole.fields), **changed})

    def _made(self, record: RecordType, given: dict[str, Type]) -> Type:
        fields = [(field, given[field]) for field, _ in record.fields]
        # as declared where that is as good: so two of one class are soon alike
        found = tuple(
            (field, declared if evident(kind, declared) else kind)
            for (field, kind), (_, declared) in zip(fields, record.fields, strict=True)
        )
        return RecordType(record.cls, found) if _depth(RecordType(record.cls, found)) < DEEPEST else ANYTHING


def _written(target: ast.expr) -> Position:
    """The place under which the kind of what is written to a target is noted."""
    place = position(target)
    assert place is not None
    return (*place[:3], -place[3])


def _constant(value: Any) -> Type:
    if value is None:
        return OptionType(NEVER)
    if isinstance(value, bool):
        return BoolType()
    return RangeType(value, value) if isinstance(value, int) else ANYTHING


def _computed(op: ast.operator, left: Type, right: Type, divisor: ast.expr) -> Type:
    left, right = present(left), present(right)
    if isinstance(left, Never) or isinstance(right, Never):
        return NEVER
    if isinstance(left, SeqType) or isinstance(right, SeqType):
        if isinstance(op, ast.Add) and isinstance(left, SeqType) and isinstance(right, SeqType):
            return _concatenated(left, right)
        return ANYTHING
    if isinstance(op, ast.Mod) and isinstance(divisor, ast.Constant) and isinstance(divisor.value, int):
        return RangeType(0, divisor.value - 1) if divisor.value > 0 else IntegerType()
    if is_natural(left) and is_natural(right) and not isinstance(op, ast.Sub):
        return NATURAL
    numbers = [isinstance(kind, (*NUMBERS, BoolType)) for kind in (left, right)]
    if isinstance(op, ast.Sub | ast.FloorDiv | ast.Mod) or all(numbers) or (isinstance(op, ast.Add) and any(numbers)):
        return IntegerType()
    return ANYTHING


def _concatenated(left: SeqType, right: SeqType) -> SeqType:
    inner = joined(left.inner, right.inner)
    if 0 in (left.limit, right.limit):
        whole = right if left.limit == 0 else left
        return SeqType(inner, whole.limit, whole.exact)
    return SeqType(inner, None, exact=False)  # type: ignore[arg-type]  # not known


def _depth(kind: Type) -> int:
    return 1 + max(map(_depth, inner_types(kind))) if isinstance(kind, SeqType | OptionType | RecordType) else 0


def _element(whole: Type) -> Type:
    if isinstance(whole, MapType | PartialMapType):
        return whole.value
    return whole.inner if isinstance(whole, SeqType) else _unread(whole)


def _unread(whole: Type) -> Type:
    """What a part is of something that has no known parts: nothing as long as no whole has been met."""
    return NEVER if isinstance(whole, Never) else ANYTHING


def _read(whole: Type, name: str) -> Type:
    match whole:
        case PartialMapType(value=value) if name == "get":
            return optional(value)
        case PartialMapType(value=value) if name == "values":
            return SeqType(value, None, exact=False)  # type: ignore[arg-type]  # not known
        case QueueType(item=item) if name == "front":
            return item
        case QueueType(priority=priority) if name == "priority_of":
            return priority
    return _unread(whole)


def _without(facts: Facts, names: set[str]) -> Facts:
    return frozenset((text, read) for text, read in facts if not read & names) if facts else facts


def _assigned(node: ast.AST) -> set[str]:
    """The locals that a statement assigns; "self" when it may change the state."""
    found = {part.id for part in ast.walk(node) if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    changes = any(isinstance(part, ast.Expr | ast.Assign | ast.AugAssign | ast.Delete) for part in ast.walk(node))
    return found | {"self"} if changes else found
