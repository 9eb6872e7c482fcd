"""What a machine does not claim of what its bases do: `WAIVED = ("an_invariant", ..)` in its class."""

from __future__ import annotations

import difflib
from typing import Any, cast

import attrs

from kvproof.spec.lang.class_source import class_source
from kvproof.spec.lang.definition import Method
from kvproof.spec.lang.refusals import Refusal

WAIVABLE = ("invariant", "trial")


def check_waived(cls: type[Any], methods: dict[str, Method]) -> tuple[str, ...]:
    """The names that a machine waives; `LanguageError` for one that is no invariant and no trial of its bases."""
    names: Any = cls.WAIVED
    if not names:
        return ()
    owner = next(one for one in cls.__mro__ if "WAIVED" in vars(one))
    source = class_source(cast(Any, owner))
    if not isinstance(names, tuple) or not all(isinstance(name, str) for name in names):
        raise Refusal.WAIVED_FORM.at(source.file, source.node.lineno, value=repr(names))
    known = [name for name, method in methods.items() if method.kind in WAIVABLE]
    for name in names:
        if name not in known:
            closest = difflib.get_close_matches(name, known, 1, 0.0)
            remedy = f"The closest is {closest[0]}" if closest else "It has none to waive"
            raise Refusal.WAIVED_UNKNOWN.at(
                source.file, source.node.lineno, name=name, machine=cls.__name__, remedy=remedy
            )
        if methods[name].owner == owner.__name__:
            raise Refusal.WAIVED_OWN.at(methods[name].file, methods[name].line, name=name, machine=owner.__name__)
    return names


def claimed(methods: dict[str, Method], waived: tuple[str, ...]) -> dict[str, Method]:
    """The methods without the trials that are not claimed, and with such invariants as helpers, for whoever asks."""
    found = {}
    for name, method in methods.items():
        if name not in waived:
            found[name] = method
        elif method.kind == "invariant":
            found[name] = attrs.evolve(method, kind="helper")
    return found
