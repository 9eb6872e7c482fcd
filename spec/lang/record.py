"""Records: values with named fields, declared as frozen attrs classes, and their plain form (a dict of the fields)."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import attrs

from kvproof.spec.lang.errors import OutOfDomain


class Record:
    """Base of records: `@attrs.frozen class Range(Record)` with an annotation for each field.

    A record is a value like a number: it never changes, equal fields make equal records, and it may stand wherever a
    finite type may, except as a key of a container. Construct it with all fields, by position or by name. A field may be
    a plain `int` when the record is only ever a local or a result, never an argument of an operation and never state.
    """


R = TypeVar("R", bound=Record)


def replace(record: R | None, /, **fields: Any) -> R:
    """The record with other values in the fields that are named: `replace(order, paid=True)`."""
    if record is None:
        raise OutOfDomain("None is no record", "defined")
    return attrs.evolve(cast(Any, record), **fields)  # type: ignore[no-any-return]  # a record of the same class


def plain(value: Any) -> Any:
    """`value` without classes of the machine: records as dicts in the order of their fields, tuples as tuples."""
    if isinstance(value, Record):
        return {field.name: plain(getattr(value, field.name)) for field in attrs.fields(cast(Any, type(value)))}
    if isinstance(value, tuple):
        return tuple(plain(element) for element in value)
    return value
