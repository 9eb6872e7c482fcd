"""The tests that a reference makes of values that may leave their type: in the state, as keys, as results of helpers.

Everything else is evident (see `evident`), and is not tested: a reference is run millions of times. What was written is
tested where it stands now; what is put into a container, before.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterator

import attrs

from kvproof.model.writing.bounds import bound_text
from kvproof.model.writing.evident import (
    ANYTHING,
    NUMBERS,
    Anything,
    Evidence,
    Position,
    evident,
    is_natural,
    position,
    present,
    short_enough,
)
from kvproof.model.writing.types import every_text, order_text, record_text
from kvproof.spec.lang.definition import TESTED, Method
from kvproof.spec.lang.types import (
    BoolType,
    EnumType,
    IndexType,
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

PLAIN = (ast.Name, ast.Constant)
"""Keys that may be written twice."""


def belongs_text(kind: Type, found: Type, text: str, foreign: bool = False) -> str:
    """The condition under which `text`, which is known to be `found`, belongs to a type; "" when that is evident.

    Records that are `foreign` need not be of the class of the reference: whoever gives them has one of his own.
    """
    if evident(found, kind):
        return ""
    match kind:
        case OptionType(inner=inner):
            rest = belongs_text(inner, present(found), text, foreign)
            if isinstance(found, OptionType | Anything):
                return f"({text} is None or {rest})"
            if isinstance(inner, RangeType) and isinstance(found, NUMBERS):
                # the variable may be None, this value is not; those who check the reference's own types know only that
                return f"{text} in range({bound_text(inner.low)}, {bound_text(inner.high)} + 1)"
            return rest
        case BoolType():
            return f"{text}.__class__ is bool"
        case EnumType(cls=cls):
            # members may be those of the machine's own class, in which callers have them
            return f"(isinstance({text}, IntEnum) and 0 <= {text} < {len(cls)})"
        case RangeType() | IndexType():
            if isinstance(kind, RangeType) and kind.low == 0 and is_natural(found):
                return f"{text} <= {bound_text(kind.high)}"
            inside = _inside(kind, text)
            if isinstance(found, NUMBERS):
                return inside
            if isinstance(found, OptionType) and isinstance(found.inner, NUMBERS):
                return f"({text} is not None and {inside})"
            return f"(isinstance({text}, int) and {text}.__class__ is not bool and {inside})"
        case SeqType():
            return _sequence_text(kind, found, text, foreign)
        case RecordType(name=name, cls=cls, fields=fields):
            if isinstance(found, RecordType) and found.cls is cls:
                known = dict(found.fields)
                tests = [belongs_text(field, known[part], f"{text}.{part}") for part, field in fields]
                return f"({' and '.join(filter(None, tests))})"
            return f"self._is_{name}({record_text(kind, text) if foreign else text})"
    raise TypeError(f"{kind} is written as a whole")


def _inside(kind: Type, text: str) -> str:
    match kind:
        case IndexType(cls=cls):
            return f"{text} in {every_text(cls)}"
        case RangeType(low=low, high=high):
            return f"{bound_text(low)} <= {text} <= {bound_text(high)}"
    raise TypeError(f"{kind} is no number")


def _sequence_text(kind: SeqType, found: Type, text: str, foreign: bool) -> str:
    parts = []
    inner = found.inner if isinstance(found, SeqType) else ANYTHING
    if not isinstance(found, SeqType):
        parts.append(f"{text}.__class__ is tuple")
    if not isinstance(found, SeqType) or not short_enough(found, kind):
        parts.append(f"len({text}) {'==' if kind.exact else '<='} {bound_text(kind.limit)}")
    each = belongs_text(kind.inner, inner, "part", foreign)
    if each:
        parts.append(f"all([{each} for part in {text}])")
    return " and ".join(parts) if len(parts) == 1 else f"({' and '.join(parts)})"


def whole_text(kind: Type, text: str) -> str:
    """The condition under which all of a state variable is of its type, whatever was written to it."""
    match kind:
        case MapType(key=key, value=value):
            values = text if isinstance(key, IndexType | EnumType) else f"{text}.values()"
            return f"all([{whole_text(value, 'part')} for part in {values}])"
        case PartialMapType(key=key, value=value):
            both = f"{whole_text(key, 'key')} and {whole_text(value, 'part')}"
            return f"all([{both} for key, part in {text}.items()])"
        case SetType(inner=inner):
            return f"all([{whole_text(inner, 'part')} for part in {text}])"
        case QueueType(item=item, priority=priority):
            both = f"{whole_text(item, 'part')} and {whole_text(priority, 'key')}"
            return f"all([{both} for part, key in {text}.snapshot()])"
    return belongs_text(kind, ANYTHING, text)


def record_test(kind: RecordType) -> str:
    """The method that tells whether a value is a record of its type."""
    parts = [belongs_text(field, ANYTHING, f"value.{name}") for name, field in kind.fields]
    tests = "".join(f"\n        and {part}" for part in parts if part)
    return (
        f"def _is_{kind.name}(self, value: Any) -> bool:\n    return (\n"
        f"        value.__class__ is {kind.name}{tests}\n    )\n"
    )


def records_in(kind: Type) -> set[str]:
    """The records of which values of a type are, or which they hold as elements."""
    if isinstance(kind, RecordType):
        return {kind.name}
    return {name for inner in inner_types(kind) for name in records_in(inner)}


Tested = tuple[Position, Type, Type, str]


@attrs.frozen
class Findings:
    """What the methods of a machine need, at which expressions: the same for all variants that have a method in common.

    What is tested has a place, the type that it must have, what is known of the value, and the rule that it breaks.
    """

    keys: tuple[tuple[Position, str, str], ...]
    """Where a key of a total map may not be one, what its keys are ("": those of the map), and how the place is told."""
    loops: tuple[tuple[Position, str], ...]
    """What puts in order what a loop runs over, where that has no order of its own."""
    written: tuple[Tested, ...]
    """Where something is written that may be outside its type: the type, and what is known of the value."""
    keyed: tuple[Tested, ...]
    """The same of the key of a partial map."""
    given: tuple[Tested, ...]
    """The same of what is put into a set or a queue."""
    returned: tuple[Tested, ...]
    """The same of what a helper returns."""
    missing: tuple[str, ...]
    """The arguments that may be None and must not be."""

    def records(self) -> set[str]:
        """The records that are tested as such."""
        found = {
            name for _, kind, known, _ in self.written + self.given + self.returned for name in _tested(kind, known)
        }
        return found


def _tested(kind: Type, found: Type) -> set[str]:
    if evident(found, kind):
        return set()
    if isinstance(kind, OptionType):
        return _tested(kind.inner, present(found))
    if isinstance(kind, SeqType):
        return _tested(kind.inner, found.inner if isinstance(found, SeqType) else ANYTHING)
    if isinstance(kind, RecordType) and isinstance(found, RecordType) and found.cls is kind.cls:
        known = dict(found.fields)
        return {name for part, field in kind.fields for name in _tested(field, known[part])}
    return {kind.name} if isinstance(kind, RecordType) else set()


def findings(evidence: Evidence, method: Method) -> Findings:
    """Look through a method in the language."""
    keys: list[tuple[Position, str, str]] = []
    loops: list[tuple[Position, str]] = []
    written: list[Tested] = []
    keyed: list[Tested] = []
    given: list[Tested] = []
    returned: list[Tested] = []
    for node in ast.walk(method.node):
        place = position(node)
        match node:
            case ast.Subscript(value=owner, slice=key) if not isinstance(key, ast.Slice):
                assert place is not None
                container, found = evidence.kind(method, owner), evidence.kind(method, key)
                if isinstance(container, MapType):
                    stores = not isinstance(node.ctx, ast.Load)
                    if _may_miss(container.key, found, stores):
                        keys.append((place, keys_text(container.key), ast.unparse(node)))
                if not isinstance(node.ctx, ast.Store):
                    continue
                if isinstance(container, PartialMapType) and not evident(found, container.key):
                    keyed.append((place, container.key, found, f"bound: {ast.unparse(node)}"))
                if isinstance(container, MapType | PartialMapType):
                    value = evidence.written(method, node)
                    if not evident(value, container.value):
                        written.append((place, container.value, value, f"bound: {ast.unparse(node)}"))
            case ast.Attribute(value=ast.Name(id="self"), attr=name, ctx=ast.Store()):
                assert place is not None
                kind, value = evidence.definition.state[name].type, evidence.written(method, node)
                if not evident(value, kind):
                    written.append((place, kind, value, f"bound: {ast.unparse(node)}"))
            case ast.Call(func=ast.Attribute(value=owner, attr="add" | "push_back" | "push_front"), args=arguments):
                container = evidence.kind(method, owner)
                kinds: tuple[Type, ...] = ()
                if isinstance(container, SetType):
                    kinds = (container.inner,)
                elif isinstance(container, QueueType):
                    kinds = (container.item, container.priority)
                for argument, kind in zip(arguments, kinds, strict=False):
                    at, value = position(argument), evidence.kind(method, argument)
                    assert at is not None
                    if not evident(value, kind):
                        given.append((at, kind, value, f"defined: {ast.unparse(node)}"))
            case ast.For(iter=iterated) | ast.comprehension(iter=iterated):
                for one in together(iterated):
                    at, ordering = position(one), _ordering(evidence, method, one)
                    if ordering:
                        assert at is not None
                        loops.append((at, ordering))
            case ast.Return() if method.kind in TESTED and method.returns not in (None, BoolType()):
                assert place is not None
                assert method.returns is not None
                value = evidence.returned(method, node)
                if not evident(value, method.returns):
                    returned.append((place, method.returns, value, f"bound: result of {method.name}"))
    missing = tuple(sorted(evidence.missing.get(method.name, ())))
    return Findings(tuple(keys), tuple(loops), tuple(written), tuple(keyed), tuple(given), tuple(returned), missing)


def together(iterated: ast.expr) -> Iterator[ast.expr]:
    """What a loop runs over, or each of the things over which it runs at once."""
    match iterated:
        case ast.Call(func=ast.Name(id="enumerate" | "zip"), args=arguments):
            for argument in arguments:
                yield from together(argument)
        case _:
            yield iterated


def _ordering(evidence: Evidence, method: Method, node: ast.expr) -> str:
    """What puts a set in order; "" for everything else that a loop runs over."""
    match node:
        case ast.Call(func=ast.Attribute(attr="every" | "values")) | ast.Call(func=ast.Name()):
            return ""
        case ast.Name(id=name) if isinstance(method.namespace.get(name), type) and not evidence.is_local(method, name):
            return ""
    kind = present(evidence.kind(method, node))
    if isinstance(kind, SetType):
        return order_text(kind.inner)
    return "_each" if isinstance(kind, Anything) else ""


def _may_miss(key: Type, found: Type, stores: bool) -> bool:
    """Whether something that is no key would go unnoticed: a list has none at its ends, a dict takes in new ones."""
    if isinstance(key, IndexType | EnumType):
        return not is_natural(present(found)) and not evident(present(found), key)
    return stores and not evident(found, key)


def keys_text(key: Type) -> str:
    """The keys of a total map; "" where nothing else knows them than the map, a dict."""
    if isinstance(key, IndexType):
        return every_text(key.cls)
    return f"range({len(key.cls)})" if isinstance(key, EnumType) else ""


def key_of(node: ast.Subscript, keys: str, at: str) -> ast.expr:
    """The key of a subscript, tested to be one of `keys`, or of those of the map, as it is written in the reference."""
    known = ast.parse(keys, mode="eval").body if keys else copy.deepcopy(node.value)
    return ast.Call(ast.Name("_key", ast.Load()), [node.slice, known, ast.Constant(at)], [])


class Checked(ast.NodeTransformer):
    """Writes the tests into the tree of a method."""

    def __init__(self, found: Findings) -> None:
        self._keys = {place: (keys, at) for place, keys, at in found.keys}
        self._loops = dict(found.loops)
        self._written = {place: (kind, value, rule) for place, kind, value, rule in found.written}
        self._keyed = {place: (kind, value, rule) for place, kind, value, rule in found.keyed}
        self._given = {place: (kind, value, rule) for place, kind, value, rule in found.given}
        self._missing = found.missing
        self._returned = {place: (kind, value, rule) for place, kind, value, rule in found.returned}
        self._names = 0

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        first = 1 if ast.get_docstring(node) is not None else 0
        node.body[first:first] = [
            ast.parse(f"if {name} is None:\n    raise OutOfDomain('defined: argument {name} of {node.name}')").body[0]
            for name in self._missing
        ]
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        known = self._keys.get(_place(node))
        self.generic_visit(node)
        if known is not None:
            node.slice = key_of(node, *known)
        return node

    def visit_For(self, node: ast.For) -> ast.AST:
        self.generic_visit(node)
        node.iter = self._in_order(node.iter)
        return node

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        self.generic_visit(node)
        node.iter = self._in_order(node.iter)
        return node

    def _in_order(self, iterated: ast.expr) -> ast.expr:
        match iterated:
            case ast.Call(func=ast.Name(id="enumerate" | "zip")):
                iterated.args = [self._in_order(argument) for argument in iterated.args]
                return iterated
        ordering = self._loops.get(_place(iterated))
        return iterated if ordering is None else ast.Call(ast.Name(ordering, ast.Load()), [iterated], [])

    def visit_Return(self, node: ast.Return) -> ast.AST | list[ast.stmt]:
        known = self._returned.get(_place(node))
        self.generic_visit(node)
        if known is None or node.value is None:
            return node
        before: list[ast.stmt] = []
        if not isinstance(node.value, PLAIN):
            name = self._name()
            before.append(ast.Assign([name], node.value))
            node.value = name
        return [*before, _test(known, ast.unparse(node.value)), node]

    def visit_Assign(self, node: ast.Assign) -> ast.AST | list[ast.stmt]:
        tests = self._tests(node.targets[0], PLAIN)
        self.generic_visit(node)
        return [node, *tests] if tests else node

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | list[ast.stmt]:
        tests = self._tests(node.target, PLAIN)
        self.generic_visit(node)
        return [node, *tests] if tests else node

    def visit_Expr(self, node: ast.Expr) -> ast.AST | list[ast.stmt]:
        call = node.value
        before: list[ast.stmt] = []
        if isinstance(call, ast.Call):
            for number, argument in enumerate(call.args):
                known = self._given.get(_place(argument))
                if known is None:
                    continue
                if not isinstance(argument, PLAIN):
                    call.args[number] = self._name()
                    before.append(ast.Assign([call.args[number]], self.visit(argument)))
                text = ast.unparse(call.args[number])
                before.append(_test(known, text))
        self.generic_visit(node)
        return [*before, node] if before else node

    def _tests(self, target: ast.expr, plain: tuple[type[ast.expr], ...]) -> list[ast.stmt]:
        """What is tested after something was written; keys that are computed are given names, to be computed once."""
        if isinstance(target, ast.Tuple):
            if any(isinstance(part, ast.Name) for part in target.elts):
                plain = (ast.Constant,)
            return [test for part in target.elts for test in self._tests(part, plain)]
        written, keyed = self._written.get(_place(target)), self._keyed.get(_place(target))
        if written is None and keyed is None:
            return []
        read = self._again(target, plain)
        tests = []
        if keyed is not None:
            assert isinstance(read, ast.Subscript)
            tests.append(_test(keyed, ast.unparse(read.slice)))
        if written is not None:
            tests.append(_test(written, ast.unparse(read)))
        return tests

    def _again(self, target: ast.expr, plain: tuple[type[ast.expr], ...]) -> ast.expr:
        """What reads a target after it was written."""
        if not isinstance(target, ast.Subscript):
            return target
        owner = self._again(target.value, plain)
        key = target.slice
        if not isinstance(key, plain):
            key = self._name()
            target.slice = ast.NamedExpr(key, target.slice)
        return ast.Subscript(owner, key, ast.Load())

    def _name(self) -> ast.Name:
        self._names += 1
        return ast.Name(f"_value{self._names}", ast.Load())


def _place(node: ast.AST) -> Position:
    """Where a node stands in the source; what was made stands nowhere."""
    return position(node) or (0, 0, 0, 0)


def _test(known: tuple[Type, Type, str], text: str) -> ast.stmt:
    kind, value, rule = known
    return ast.parse(f"if not {belongs_text(kind, value, text)}:\n    raise OutOfDomain({rule!r}, {text})").body[0]
