"""Writes REFERENCE.md: every state variable, step, operation, rule, error, event and invariant, with its docstring.

The state diagram and the links from rules to variants are not drawn but found: by exploring the machine at small sizes and
noting what happened, and by what `kvproof check --record` found (or, without that, by exploring the variants).
"""

from __future__ import annotations

import ast
import functools
import inspect
import re
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Any, cast

import attrs
import jinja2

from kvproof.model import machines
from kvproof.model.checking.explore import every_call, explore
from kvproof.model.depth import Depth, account
from kvproof.model.evidence import FILE_NAME, Evidence, read
from kvproof.model.machines import Bundle
from kvproof.model.sources import linked
from kvproof.model.witnesses import witness
from kvproof.spec.lang import Definition, Method, Shipped
from kvproof.spec.lang.class_source import record_source
from kvproof.spec.lang.definition import parameter_lineage
from kvproof.spec.lang.types import IndexType, RecordType

DIAGRAM_STATES = 200
"""States explored for the diagram, at most: twice as many show no further edge of the machines here."""
DIAGRAM_CALLS = 30_000
"""Calls tried for the diagram at one size: where a state has many, fewer states are explored (50 at least)."""


@attrs.frozen
class Edge:
    """One kind of transition: what a step did to one thing."""

    before: str
    step: str
    after: str


def document(declared: Iterable[tuple[str, Shipped, Path]]) -> str:
    """The text of REFERENCE.md for these machines: the name of each, what is declared of it, and where its evidence is."""
    described = [_described(_bundle(name, shipped), folder) for name, shipped, folder in declared]
    template = resources.files("kvproof.model").joinpath("document.md.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters["sizes_name"] = lambda label, machine: machine["short"][label]
    environment.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")
    return linked(environment.from_string(template).render(machines=described))


def _described(bundle: Bundle, folder: Path) -> dict[str, Any]:
    name, definition, shipped = bundle.name, bundle.definition, bundle.shipped
    evidence = read(folder / FILE_NAME)
    current = evidence is not None and evidence.specification == definition.digest()
    known = evidence is not None and current and set(evidence.variants) == set(bundle.variants)
    found = _inverted(evidence.variants) if evidence is not None and known else found_by(bundle)
    return {
        "name": name,
        "definition": definition,
        "parameters": _parameters(definition),
        "state": definition.state.values(),
        "kinds": {kind: definition.of_kind(kind).values() for kind in ("step", "operation", "invariant")},
        "signature": _signature,
        "rules_of": lambda method: method.literals("require", 1),
        "errors_of": lambda method: list(dict.fromkeys(method.literals("reject", 0))),
        "promises_of": lambda method: list(dict.fromkeys(method.literals("ensure", 1))),
        "records": [_record(kind) for _, kind in sorted(definition.records.items())],
        "promises": definition.promises(),
        "trials": definition.trials().values(),
        "theorems": definition.theorems().values(),
        "assumptions_of": _assumptions,
        "conclusion_of": _conclusion,
        "rules": definition.rules(),
        "found": found,
        "broken_by": _broken_by(bundle, folder),
        "witnesses_file": f"spec/{name.replace('-', '_')}/{witness.FILE_NAME}",
        "documenting": shipped.documenting,
        "errors": definition.errors(),
        "events": definition.events(),
        "variants": {
            label: {"name": cls.__name__, "doc": inspect.cleandoc(cls.__doc__ or "")}
            for label, cls in shipped.variants.items()
        },
        "broken": {label: broken for broken, labels in found.items() for label in labels},
        "edges": [] if shipped.built_on else edges(bundle),  # else they are in that machine's diagram
        "sizes": shipped.sizes,
        "evidence": evidence if current else None,
        "purposes": shipped.purposes,
        "goals": bundle.goals(),
        "depth": (depth := _depth(bundle, evidence if current else None)),
        "unreached": _inverted(depth.waived),
        "proved": evidence.sizes_of(definition) if evidence is not None and current else {},
        "only_fuzzed": shipped.only_fuzzed,
        "short": {label: str(number) for number, label in enumerate(shipped.sizes.get("induction", {}), start=1)},
    }


def _depth(bundle: Bundle, evidence: Evidence | None) -> Depth:
    """The goals of depth that the proofs in the evidence reach."""
    reached = {goal for proof in evidence.proofs for goal in proof.goals} if evidence is not None else set()
    return account(bundle.goals(), reached, bundle.shipped.unreached)


@functools.lru_cache(maxsize=16)
def _bundle(name: str, shipped: Shipped) -> Bundle:
    """The machine with a reference that is generated now: the one in the repository may be stale."""
    return machines.bundle_of(name, shipped)


def _broken_by(bundle: Bundle, folder: Path) -> dict[str, str]:
    """For each rule, promise and invariant, the first witness that there is of one of its conjuncts."""
    kept, definition = witness.read(folder / witness.FILE_NAME), bundle.definition
    found: dict[str, str] = {}
    base = bundle.shipped.built_on
    if base:
        inherited = machines.load(base).definition
        stated = [*inherited.rules(), *inherited.promises(), *inherited.of_kind("invariant")]
        found.update(dict.fromkeys(stated, f"as in [{base}](#{base})"))
    if kept is not None and kept.specification == definition.digest():
        for one in sorted(kept.witnesses, key=lambda one: len(one.unlike)):
            if witness.earned(definition, one):
                found.setdefault(one.condition, witness.told(one))
    return found


def _inverted(broken: Mapping[str, str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for label, name in sorted(broken.items()):
        found.setdefault(name, []).append(label)
    return found


@functools.lru_cache(maxsize=16)
def found_by(bundle: Bundle) -> dict[str, list[str]]:
    """For each rule or invariant, the variants whose shortest counterexample breaks it."""
    found: dict[str, list[str]] = {}
    for label in bundle.variants:
        sizes = bundle.sizes["variants"][label]
        violation = explore(bundle.variant(label), sizes).violation
        if violation is None:
            raise LookupError(f"variant {label} of {bundle.name} breaks nothing at {sizes}: it is no bug there")
        found.setdefault(violation.name, []).append(label)
    return found


@functools.lru_cache(maxsize=16)
def edges(bundle: Bundle) -> list[Edge]:
    """What steps do to the things that the machine's `phase` method classifies, as seen while exploring."""
    method = next(iter(bundle.definition.of_kind("phase").values()), None)
    if method is None:
        return []
    kind = method.arguments[0][1]
    assert isinstance(kind, IndexType)
    watched = _Watched(bundle, method.name, kind)
    for sizes in bundle.sizes["explore"].values():
        watched.explore(sizes)
    return sorted(watched.edges, key=lambda edge: (edge.before, edge.after, edge.step))


class _Watched:
    """Explores with a hook that compares the phases of all things before and after each step."""

    def __init__(self, bundle: Bundle, method: str, kind: IndexType) -> None:
        self._bundle = bundle
        self._method = method
        self._kind = kind
        self.edges: set[Edge] = set()

    def explore(self, sizes: Any) -> None:
        watched = self
        things = range(self._kind.size(sizes))

        class Watching(self._bundle.reference):  # type: ignore[name-defined,misc]  # a generated class
            _before: tuple[str, list[str]] | None = None

            def apply(self, operation: str, arguments: dict[str, Any]) -> Any:
                self._before = None
                self.on_step = self._note
                try:
                    return super().apply(operation, arguments)
                finally:
                    self._note("", ())

            def _note(self, step: str, _arguments: tuple[Any, ...]) -> None:
                if not step and self._before is None:
                    return
                now = [getattr(self, watched._method)(thing) for thing in things]
                if self._before is not None:
                    taken, before = self._before
                    changed = zip(before, now, strict=True)
                    watched.edges.update(Edge(old, taken, new) for old, new in changed if old != new)
                self._before = (step, now) if step else None

        calls = sum(1 for _ in every_call(self._bundle, sizes))
        states = max(50, min(DIAGRAM_STATES, DIAGRAM_CALLS // max(1, calls)))
        explore(attrs.evolve(self._bundle, reference=Watching), sizes, states=states, trials=False)


def _record(kind: RecordType) -> dict[str, Any]:
    source = record_source(kind.cls)
    fields = [
        {"name": name, "type": source.annotations.get(name, ""), "doc": source.docs.get(name, "")}
        for name, _ in kind.fields
    ]
    return {"name": kind.name, "doc": inspect.cleandoc(kind.cls.__dict__.get("__doc__") or ""), "fields": fields}


def _assumptions(theorem: Method) -> list[str]:
    """What a theorem assumes, as it is written."""
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(theorem.node)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "assume"
    ]


def _conclusion(theorem: Method) -> str:
    """What a theorem says, with what it names on the way."""
    named = [ast.unparse(node) for node in theorem.node.body if isinstance(node, ast.Assign)]
    last = theorem.node.body[-1]
    assert isinstance(last, ast.Return)
    assert last.value is not None
    return ast.unparse(last.value) + (f", where {', '.join(named)}" if named else "")


def _signature(method: Method) -> str:
    arguments = ", ".join(f"{a.arg}: {_annotation(a.annotation)}" for a in method.node.args.args[1:])
    result = _annotation(method.node.returns)
    return f"{method.name}({arguments})" + (f" -> {result}" if result not in ("None", "") else "")


def _annotation(node: Any) -> str:
    return ast.unparse(node) if node is not None else ""


def _parameters(definition: Definition) -> list[Mapping[str, Any]]:
    text = "\n".join(inspect.getsource(cls) for cls in parameter_lineage(definition.parameters))
    docs = dict(re.findall(r"^    (\w+): int = [^\n]*\n    \"\"\"(.*?)\"\"\"", text, flags=re.MULTILINE | re.DOTALL))
    fields = attrs.fields(cast(Any, definition.parameters))
    return [{"name": f.name, "default": f.default, "doc": docs.get(f.name, "")} for f in fields]
