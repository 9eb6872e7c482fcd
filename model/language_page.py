"""Writes LANGUAGE.md: what the language of machines is, its examples as they stand in their files, what it refuses."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from importlib import resources
from types import ModuleType
from typing import Any, cast

import attrs
import jinja2

import kvproof.spec.lang
from kvproof.spec.lang import Shipped, containers, examples
from kvproof.spec.lang.checker import STATEMENT_FUNCTIONS, WRITING_METHODS
from kvproof.spec.lang.class_source import annotations_of, class_source
from kvproof.spec.lang.examples import ground
from kvproof.spec.lang.inference import METHODS
from kvproof.spec.lang.refusals import CONSTRUCTS, FUNCTIONS, Refusal

CONTAINERS = ("Map", "PartialMap", "Set", "PriorityQueue")


@attrs.frozen
class Example:
    """One numbered example as the page shows it."""

    number: int
    name: str
    text: str
    """What it shows: the docstring of its module."""
    source: str
    states: int
    machine: str
    """How `--machine` names it."""


def language_page() -> str:
    """The text of LANGUAGE.md."""
    template = resources.files("kvproof.model").joinpath("language.md.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")
    environment.filters["told"] = _told
    shown = [_example(number, name) for number, name in enumerate(examples.STATES, start=1)]
    links = {one.name.partition("_")[2]: f"[example {one.number}](#{one.number}-{one.name})" for one in shown}
    return environment.from_string(template).render(
        examples=shown,
        ex=links.__getitem__,
        ground=_source(ground),
        statements=STATEMENT_FUNCTIONS,
        meaning_of=lambda name: _first_paragraph(getattr(kvproof.spec.lang, name)),
        methods=_methods(),
        fields=_fields(),
        refusals=_by_section(),
        constructs={construct.__name__: remedy for construct, remedy in CONSTRUCTS.items()},
        functions=FUNCTIONS,
    )


def _example(number: int, name: str) -> Example:
    module = importlib.import_module(f"{examples.__name__}.{name}")
    source = inspect.getsource(module).strip() if number == 1 else _source(module)
    machine = f"{module.__name__}:{module.SHIPPED.machine.__name__}"
    return Example(number, name, inspect.getdoc(module) or "", source, examples.STATES[name], machine)


def _source(module: ModuleType) -> str:
    """The source of a module after its docstring and imports."""
    source = inspect.getsource(module)
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
            decorators = getattr(node, "decorator_list", [])
            first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
            return "\n".join(source.splitlines()[first - 1 :])
    return ""


def _methods() -> list[tuple[str, str, str, str]]:
    """Container, method with its arguments, where it stands, and what it does."""
    found = []
    for container in CONTAINERS:
        cls = getattr(containers, container)
        for name in METHODS:
            method = vars(cls).get(name)
            if method is not None:
                arguments = ", ".join(list(inspect.signature(method).parameters)[1:])
                where = "on a line of its own, in a step" if name in WRITING_METHODS else "as a value"
                where = "in a loop" if name == "values" else where
                found.append((container, f"{name}({arguments})", where, _first_paragraph(method)))
    return found


def _fields() -> list[tuple[str, str, str]]:
    """The fields of a declaration: name, type, and what its docstring says."""
    docs, annotations = annotations_of(class_source(cast(Any, Shipped)).node)
    return [(name, ast.unparse(written), docs.get(name, "")) for name, written in annotations.items()]


def _first_paragraph(thing: Any) -> str:
    return " ".join((inspect.getdoc(thing) or "").partition("\n\n")[0].split())


def _by_section() -> dict[str, list[Refusal]]:
    found: dict[str, list[Refusal]] = {}
    for refusal in Refusal:
        found.setdefault(refusal.section, []).append(refusal)
    return found


def _told(text: str) -> str:
    """A problem or remedy of the table as text: what is named in it is set off."""
    return re.sub(r"`?\{(\w+)\}`?", r"*\1*", text)
