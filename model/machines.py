"""The machines that there are, each with what is derived from it.

A machine is a folder of `kvproof.spec` whose package declares it by `SHIPPED`, a `Shipped`: its variants, its sizes, and
what is known of it in advance. A machine of one's own is named `module:Class` or `file.py:Class`; its module may declare it
in the same way, and its reference is generated in memory.
"""

from __future__ import annotations

import functools
import importlib
import linecache
import pkgutil
import sys
import types
from collections.abc import Hashable, Mapping
from typing import Any, cast

import attrs

import kvproof.spec
from kvproof.model.depth import machine_goals
from kvproof.model.importing import NotImported, imported
from kvproof.model.writing.marks import Measured
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang import Definition, Machine, Parameters, Shipped, compile_machine
from kvproof.spec.lang.shipped import declared


class UnknownMachine(Exception):
    """No machine has this name."""


@attrs.frozen(eq=False, kw_only=True)
class Bundle:
    """A machine and what is derived from it."""

    name: str
    definition: Definition
    reference: Any
    shipped: Shipped
    """All that is declared of it."""
    has_trials: bool = True
    """Whether its trials are tried."""

    @property
    def variants(self) -> Mapping[str, type[Machine[Any]]]:
        """Its variants, by label."""
        return self.shipped.variants

    @property
    def sizes(self) -> Mapping[str, Mapping[str, Parameters]]:
        """Its parameter sets, by what they are for and by label."""
        return self.shipped.sizes

    def goals(self) -> frozenset[str]:
        """The goals of depth that are this machine's own, and not those of the machine that it extends."""
        found = machine_goals(self.definition) | machine_goals(self.definition, of_trials=True)
        return found - load(self.shipped.built_on).goals() if self.shipped.built_on else found

    def checked(self) -> tuple[str, ...]:
        """What checkers look at: the operations, and the trials where these are tried."""
        definition = self.definition
        return (*definition.of_kind("operation"), *(definition.trials() if self.has_trials else ()))

    def parameters(self, values: Mapping[str, int]) -> Parameters:
        """The machine's parameters from a plain mapping; `ValueError` names what does not fit."""
        known = {field.name for field in attrs.fields(cast(Any, self.definition.parameters))}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"parameter {name!r} is unknown: {self.name} has {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, int):
                raise ValueError(f"parameter {name} is {value!r}: it must be an integer")
        return self.definition.parameters(**values)

    def variant(self, name: str) -> Bundle:
        """The variant `name` as a machine of its own."""
        if name not in self.variants:
            raise UnknownMachine(f"{self.name} has no variant {name!r}: there are {', '.join(self.variants) or 'none'}")
        sizes = {use: named for use, named in self.sizes.items() if use != "variants"}
        made = bundle_of(f"{self.name}/{name}", Shipped(machine=self.variants[name], sizes=sizes))
        tried = self.shipped.tried
        return attrs.evolve(made, has_trials=tried is None or name in tried)


@functools.cache
def generated_class(cls: Hashable, enforce: bool = True, depth: bool = False) -> Any:
    """The reference class of any machine, generated and loaded in memory; see `writing.source` for `enforce` and
    `depth`."""
    definition = compile_machine(cast(type[Machine[Any]], cls))
    source = reference_source(definition, enforce, depth)
    digest = definition.digest()
    name = f"<reference of {definition.name} {digest}{'' if enforce else ' without rules'}{' with depth' if depth else ''}>"
    module = types.ModuleType(f"kvproof_reference_{definition.name}_{digest}_{enforce}_{depth}")
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    # dataclasses look their module up by name while the class is made
    sys.modules[module.__name__] = module
    exec(compile(source, name, "exec"), module.__dict__)
    reference = getattr(module, definition.name)
    return type(definition.name, (Measured, reference), {"DEFINITION": definition}) if depth else reference


def names() -> list[str]:
    """The machines that kvproof ships."""
    return sorted(
        found.name.replace("_", "-")
        for found in pkgutil.iter_modules(kvproof.spec.__path__)
        if found.ispkg and found.name != "lang"
    )


def package_of(name: str) -> types.ModuleType:
    """The package of a machine that kvproof ships."""
    return importlib.import_module(f"kvproof.spec.{name.replace('-', '_')}")


def load(name: str) -> Bundle:
    """The machine `name`, or the class at `module:Class` or `file.py:Class`; each may be followed by `/` and a variant."""
    own, colon, last = name.rpartition(":")
    base, slash, variant = last.partition("/")
    if slash and (colon or not name.endswith(".py")):
        return load(f"{own}{colon}{base}").variant(variant)
    if colon or name.endswith(".py"):
        try:
            module, cls = imported(name)
        except NotImported as error:
            raise UnknownMachine(f"machine {name!r}: {error}") from error
        if not (isinstance(cls, type) and issubclass(cls, Machine)):
            raise UnknownMachine(f"{name!r} is not a machine: it must derive kvproof.Machine")
        return bundle_of(name, declared(module, cls))
    if name not in names():
        raise UnknownMachine(
            f"there is no machine {name!r}: choose from {', '.join(names())}, or give module:Class or file.py:Class"
        )
    shipped: Shipped = package_of(name).SHIPPED
    reference = importlib.import_module(f"kvproof.model.reference.{name.replace('-', '_')}")
    return bundle_of(name, shipped, getattr(reference, shipped.machine.__name__))


def bundle_of(name: str, shipped: Shipped, reference: Any = None) -> Bundle:
    """A machine with what is derived from it; without a reference, that is generated in memory."""
    definition = compile_machine(shipped.machine)
    shipped.refuse_unknown(definition)
    made = reference or generated_class(cast(Hashable, shipped.machine))
    return Bundle(name=name, definition=definition, reference=made, shipped=shipped)
