"""How the types of a machine are written in its reference: annotations, records and snapshots."""

from __future__ import annotations

import inspect
import textwrap

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


def is_read(kind: Type | None) -> bool:
    """Whether values have a plain form that is not theirs: those with records, and with members of enumerations."""
    return kind is not None and (isinstance(kind, RecordType | EnumType) or any(is_read(p) for p in inner_types(kind)))


def holds_option(kind: Type) -> bool:
    """Whether a value of the type is None, or has it inside: Python compares None with nothing."""
    return isinstance(kind, OptionType) or any(holds_option(part) for part in inner_types(kind))


def order_text(kind: Type) -> str:
    """The function that puts values of a type in the order of the language."""
    return "_in_order" if holds_option(kind) else "sorted"


def every_text(cls: type[Index]) -> str:
    """The values of an index class."""
    return f"self._every_{cls.__name__}"


def record_text(kind: Type, text: str) -> str:
    """The expression that makes a value out of `text`, where records are dicts or tuples, and members numbers."""
    if not is_read(kind):
        return text
    match kind:
        case EnumType(cls=cls):
            return f"{cls.__name__}({text})"
        case RecordType(name=name):
            return f"{name}._of({text})"
        case OptionType(inner=inner):
            return f"(None if {text} is None else {record_text(inner, text)})"
        case SeqType(inner=inner):
            return f"tuple([{record_text(inner, 'part')} for part in {text}])"
    raise TypeError(f"a record inside {kind} is not supported")


def doc_text(doc: str) -> str:
    """A docstring as it is written, whatever quotes and backslashes it has."""
    text = inspect.cleandoc(doc).replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if text.endswith('"'):
        text = text[:-1] + '\\"'
    return f'"""{text}"""'


def record_class(kind: RecordType) -> str:
    """The source of a record's class in the reference."""
    doc = kind.cls.__doc__ or "" if "__doc__" in kind.cls.__dict__ else ""
    fields = "\n".join(f"    {name}: {type_annotation(field)}" for name, field in kind.fields)
    parts = ", ".join(record_text(field, f"fields[{i}]") for i, (_, field) in enumerate(kind.fields))
    return (
        f"class {kind.name}(NamedTuple):\n"
        + (textwrap.indent(doc_text(doc), "    ") + "\n\n" if doc else "")
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
        case PartialMapType(key=key, value=value):
            if not is_container(value):
                return f"tuple({order_text(key)}({text}.items()))"
            return f"tuple((key, {snapshot_text(value, f'{text}[key]')}) for key in {order_text(key)}({text}))"
        case SetType():
            return f"tuple({order_text(kind.inner)}({text}))"
        case QueueType():
            return f"{text}.snapshot()"
    return text
