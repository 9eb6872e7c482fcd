"""How the types of a machine are written in its reference: annotations, snapshots, sizes and bounds as expressions."""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
from typing import Any

from kvproof.spec.lang.types import (
    BoolType,
    EnumType,
    Index,
    IndexType,
    MapType,
    OptionType,
    PartialMapType,
    QueueType,
    RecordType,
    SeqType,
    SetType,
    Type,
    inner_types,
)


def is_container(kind: Type) -> bool:
    return isinstance(kind, MapType | PartialMapType | SetType | QueueType)


def type_annotation(kind: Type) -> str:
    match kind:
        case BoolType():
            return "bool"
        case EnumType(cls=cls):
            return cls.__name__
        case OptionType(inner=inner):
            return f"{type_annotation(inner)} | None"
        case SeqType(inner=inner):
            return f"tuple[{type_annotation(inner)}, ...]"
        case MapType(key=IndexType() | EnumType(), value=value):
            return f"list[{type_annotation(value)}]"
        case MapType(key=key, value=value) | PartialMapType(key=key, value=value):
            return f"dict[{type_annotation(key)}, {type_annotation(value)}]"
        case SetType(inner=inner):
            return f"set[{type_annotation(inner)}]"
        case QueueType():
            return "PriorityQueue"
        case RecordType(name=name):
            return name
    return "int"


def holds_record(kind: Type | None) -> bool:
    """Whether values of the type are records, or have records inside."""
    return kind is not None and (isinstance(kind, RecordType) or any(holds_record(part) for part in inner_types(kind)))


def record_text(kind: Type, text: str) -> str:
    """The expression that makes a value with records out of `text`, where they are dicts or tuples of their fields."""
    if not holds_record(kind):
        return text
    match kind:
        case RecordType(name=name):
            return f"{name}._of({text})"
        case OptionType(inner=inner):
            return f"(None if {text} is None else {record_text(inner, text)})"
        case SeqType(inner=inner):
            return f"tuple([{record_text(inner, 'part')} for part in {text}])"
    raise TypeError(f"a record inside {kind} is not supported")


def record_class(kind: RecordType) -> str:
    """The source of a record's class in the reference."""
    doc = inspect.cleandoc(kind.cls.__doc__ or "") if "__doc__" in kind.cls.__dict__ else ""
    fields = "\n".join(f"    {name}: {type_annotation(field)}" for name, field in kind.fields)
    parts = ", ".join(record_text(field, f"fields[{i}]") for i, (_, field) in enumerate(kind.fields))
    return (
        f"class {kind.name}(NamedTuple):\n"
        + (textwrap.indent(f'"""{doc}"""', "    ").rstrip() + "\n\n" if doc else "")
        + f"{fields}\n\n"
        + "    @classmethod\n"
        + f"    def _of(cls, value: Any) -> {kind.name}:\n"
        + "        if type(value) is cls:\n"
        + "            return value\n"
        + "        fields = _fields(cls, value)\n"
        + f"        return cls({parts})\n"
    )


def snapshot_text(kind: Type, text: str) -> str:
    match kind:
        case MapType(key=key, value=value):
            values = text if isinstance(key, IndexType | EnumType) else f"{text}.values()"
            if not is_container(value):
                return f"tuple({values})"
            return f"tuple({snapshot_text(value, 'part')} for part in {values})"
        case PartialMapType(value=value):
            if not is_container(value):
                return f"tuple(sorted({text}.items()))"
            return f"tuple((key, {snapshot_text(value, f'{text}[key]')}) for key in sorted({text}))"
        case SetType():
            return f"tuple(sorted({text}))"
        case QueueType():
            return f"{text}.snapshot()"
    return text


def count_text(cls: type[Index]) -> str:
    """The expression that an index class returns from `count`."""
    node = ast.parse(textwrap.dedent(inspect.getsource(cls.count))).body[0]
    assert isinstance(node, ast.FunctionDef)
    last = node.body[-1]
    if not isinstance(last, ast.Return) or last.value is None:
        raise TypeError(f"{cls.__name__}.count must be one return of an expression over the parameters")
    return _over_self(last.value, node.args.args[-1].arg)


def bound_text(value: Any) -> str:
    """The expression of a bound: a number, or the body of a lambda over the parameters."""
    if isinstance(value, int):
        return str(value)
    source = inspect.getsource(value)
    tree = ast.parse(textwrap.dedent(source))
    lambdas = [node for node in ast.walk(tree) if isinstance(node, ast.Lambda)]
    match [node for node in lambdas if _compiles_to(node, value)]:
        case [node, *_]:
            return f"({_over_self(node.body, node.args.args[0].arg)})"
    raise TypeError(f"the bound in {source.strip()!r} must be a number or a lambda over the parameters")


def _compiles_to(node: ast.Lambda, function: Any) -> bool:
    code = compile(ast.Expression(node), "<bound>", "eval").co_consts[0]
    return (code.co_code, code.co_names, code.co_consts) == (
        function.__code__.co_code,
        function.__code__.co_names,
        function.__code__.co_consts,
    )


def _over_self(node: ast.expr, parameter: str) -> str:
    class Renamer(ast.NodeTransformer):
        def visit_Name(self, name: ast.Name) -> ast.AST:
            return ast.parse("self.params", mode="eval").body if name.id == parameter else name

    return ast.unparse(ast.fix_missing_locations(Renamer().visit(copy.deepcopy(node))))
