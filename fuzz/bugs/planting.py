"""Planting a bug: a private copy of the implementation in which a part is replaced, or a few lines are others.

Production has no seams for bugs. Where what a bug changes is a natural part, the part is replaced by a class that
derives from it; elsewhere a patch changes the source text of a module, and reads like the change that was historically
made. Either fails loudly when its place is gone.

Only the modules that import what is changed, however indirectly, are loaded anew; all others are shared, so that
refusals, levels and configurations are the same classes as everywhere. Nothing is entered into `sys.modules`.
"""

from __future__ import annotations

import ast
import builtins
import importlib
import linecache
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from attrs import frozen

IMPLEMENTATION = "kvproof.impl"

T = TypeVar("T", bound=type)


class PlantingError(Exception):
    """A bug has lost its place in the implementation."""


@frozen
class Patch:
    """Other lines for some of a module's.

    Attributes:
        module: its name below `kvproof.impl`.
        old: whole lines of its source, indented as they are there; they must occur exactly once.
        new: what stands there instead.
    """

    module: str
    old: str
    new: str

    @property
    def name(self) -> str:
        """The whole name of the module."""
        return f"{IMPLEMENTATION}.{self.module}"

    def apply(self, source: str) -> str:
        """The source with the new lines.

        Raises:
            PlantingError: the old lines do not occur in it exactly once.
        """
        old, new = (text.strip("\n") + "\n" for text in (self.old, self.new))
        found = f"\n{source}".count(f"\n{old}")
        if found != 1:
            raise PlantingError(
                f"patch of {self.name}: its old lines occur {found} times in the source; bring the patch up to date:\n{old}"
            )
        return f"\n{source}".replace(f"\n{old}", f"\n{new}")[1:]


def plant(face: T, *patches: Patch, parts: Mapping[type, type] | None = None) -> T:
    """The class `face` of the implementation with a bug.

    Args:
        face: what the target drives, such as `BlockManager`.
        patches: of modules that it is made of.
        parts: classes that it is made of, each with one that takes its place.

    Raises:
        PlantingError: a patch does not fit; a module or part that is changed is nowhere used by `face`; or a part that
            is replaced is itself made of what is changed, so that its replacement would not be.
    """
    planting = _Planting(patches, parts or {})
    planted = getattr(planting.load(face.__module__), face.__name__)
    planting.check_used(face)
    return cast(T, planted)


class _Planting:
    """The modules of one planted bug."""

    def __init__(self, patches: Sequence[Patch], parts: Mapping[type, type]) -> None:
        self._patches: dict[str, list[Patch]] = {}
        for patch in patches:
            self._patches.setdefault(patch.name, []).append(patch)
        self._parts: dict[str, dict[str, type]] = {}
        for part, planted in parts.items():
            self._parts.setdefault(part.__module__, {})[part.__name__] = planted
        self._changed = frozenset({*self._patches, *self._parts})
        self._modules: dict[str, ModuleType] = {}
        self._imported: set[tuple[str, str]] = set()

    def load(self, name: str) -> ModuleType:
        """A module of the implementation as it is with the bug."""
        if name not in self._modules:
            if name in self._patches or any(_reaches(each, self._changed) for each in _imports(name)):
                if name in self._parts:  # what takes its place would derive from the part without the other changes
                    part = next(iter(self._parts[name]))
                    raise PlantingError(
                        f"part {name}.{part}: its module has other changes in it; make this one a patch, too"
                    )
                self._modules[name] = self._execute(name)
            elif name in self._parts:
                self._modules[name] = ModuleType(name)
                vars(self._modules[name]).update(vars(importlib.import_module(name)))
            else:
                return importlib.import_module(name)
            vars(self._modules[name]).update(self._parts.get(name, {}))
        return self._modules[name]

    def _execute(self, name: str) -> ModuleType:
        source = _source(name)
        for patch in self._patches.get(name, ()):
            source = patch.apply(source)
        shown = f"<{name}, planted {id(self):#x}>"
        linecache.cache[shown] = (len(source), None, source.splitlines(keepends=True), shown)  # for tracebacks
        module = ModuleType(name)
        vars(module)["__builtins__"] = {**vars(builtins), "__import__": self._import}
        exec(compile(source, shown, "exec", dont_inherit=True), vars(module))
        return module

    def _import(
        self, name: str, globals: Any = None, locals: Any = None, names: Any = (), level: int = 0
    ) -> ModuleType:
        if not name.startswith(IMPLEMENTATION):
            return builtins.__import__(name, globals, locals, names, level)
        self._imported.update((name, each) for each in names)
        return self.load(name)

    def check_used(self, face: type) -> None:
        """Whether all that is changed has become part of `face`."""
        for name in self._patches:
            if name not in self._modules:
                raise PlantingError(f"patch of {name}: {face.__name__} does not use that module")
        for name, parts in self._parts.items():
            for part in parts:
                if (name, part) not in self._imported:
                    raise PlantingError(f"part {name}.{part}: nothing that {face.__name__} is made of imports it")


@cache
def _source(name: str) -> str:
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise PlantingError(f"patch of {name}: there is no such module")
    return Path(spec.origin).read_text(encoding="utf-8")


@cache
def _imports(name: str) -> frozenset[str]:
    """The modules of the implementation that a module imports when it is loaded."""
    return frozenset(
        statement.module
        for statement in ast.parse(_source(name)).body
        if isinstance(statement, ast.ImportFrom) and statement.module and statement.module.startswith(IMPLEMENTATION)
    )


@cache
def _reaches(name: str, changed: frozenset[str]) -> bool:
    """Whether a module is one of those that are changed, or imports one, however indirectly."""
    return name in changed or any(_reaches(each, changed) for each in _imports(name))
