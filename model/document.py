"""Writes a machine's page, REFERENCE.md: every state variable, step, operation, rule, error, event and invariant, with its
docstring and its condition.

The state diagram and the links from rules to variants are not drawn but found: by exploring the machine at small sizes and
noting what happened, and by what `kvproof check --record` found (or, without that, by exploring the variants).
"""

from __future__ import annotations

import ast
import functools
import inspect
import os
import re
import sys
from collections import Counter
from collections.abc import Mapping
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
from kvproof.spec.lang import Definition, Machine, Method, Shipped
from kvproof.spec.lang.calls import reached
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


def document(name: str, shipped: Shipped, folder: Path | None, numbers: str = "") -> str:
    """The page of one machine.

    Args:
        name: of the machine.
        shipped: what is declared of it.
        folder: where its evidence and its witnesses are; None where nothing is kept.
        numbers: where SOURCES.md and BUGS.md are, seen from the page; "" for a machine that does not cite them.
    """
    template = resources.files("kvproof.model").joinpath("document.md.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    machine = _described(_bundle(name, shipped), folder)
    environment.filters["sizes_name"] = lambda label: machine["short"][label]
    environment.filters["cell"] = lambda text: " ".join(str(text).split()).replace("|", "\\|")
    environment.filters["sentence"] = _sentence
    text = environment.from_string(template).render(m=machine)
    return linked(text, numbers) if numbers else text


def _described(bundle: Bundle, folder: Path | None) -> dict[str, Any]:
    name, definition, shipped = bundle.name, bundle.definition, bundle.shipped
    evidence = read(folder / FILE_NAME) if folder is not None else None
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
        "rules_of": lambda method: [rule for one in _whole(definition, method) for rule in one.literals("require", 1)],
        "refusals_of": lambda method: _refusals(definition, method),
        "condition": lambda method, rule: _condition(method, "require", rule),
        "promised": lambda method, promise: _condition(method, "ensure", promise),
        "said": _said,
        "file": lambda method: _relative(method.file, folder),
        "files": _files(shipped) if folder is not None else [],
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
        "waived": definition.waived,
        "errors": _errors(definition),
        "events": definition.events(),
        "variants": {
            label: {"name": cls.__name__, "doc": inspect.cleandoc(cls.__doc__ or ""), "waived": cls.WAIVED}
            for label, cls in shipped.variants.items()
        },
        "broken": {label: broken for broken, labels in found.items() for label in labels},
        "edges": [] if shipped.built_on else edges(bundle),  # else they are in that machine's diagram
        "sizes": {purpose: _differences(named) for purpose, named in shipped.sizes.items() if named},
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


def _broken_by(bundle: Bundle, folder: Path | None) -> dict[str, str]:
    """For each rule, promise and invariant, the first witness that there is of one of its conjuncts."""
    kept = witness.read(folder / witness.FILE_NAME) if folder is not None else None
    definition = bundle.definition
    found: dict[str, str] = {}
    base = bundle.shipped.built_on
    if base:
        inherited = machines.load(base).definition
        stated = [*inherited.rules(), *inherited.promises(), *inherited.of_kind("invariant")]
        found.update(dict.fromkeys(stated, f"as in [{base}](../{base.replace('-', '_')}/REFERENCE.md)"))
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
        finding = explore(bundle.variant(label), sizes).finding
        if finding is None:
            raise LookupError(f"variant {label} of {bundle.name} breaks nothing at {sizes}: it is no bug there")
        found.setdefault(finding.rule, []).append(label)
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


def _sentence(doc: str) -> str:
    """The first sentence of a docstring."""
    text = " ".join(doc.split())
    return re.split(r"(?<=[.:]) (?=[A-Z`(])", text, maxsplit=1)[0].rstrip(":")


def _relative(file: str, folder: Path | None) -> str:
    """A source file as seen from the machine's folder."""
    return os.path.relpath(file, folder).replace(os.sep, "/") if folder is not None else Path(file).name


def _files(shipped: Shipped) -> list[dict[str, str]]:
    """The files of state and of what is done with it, in the order in which they build on each other, and what each is."""
    found: dict[str, str] = {}
    for cls in reversed(shipped.machine.__mro__):
        module = sys.modules.get(cls.__module__)
        if issubclass(cls, Machine) and cls is not Machine and module is not None and module.__file__:
            found.setdefault(module.__file__, _sentence(inspect.getdoc(module) or ""))
    folder = Path(str(inspect.getsourcefile(shipped.machine))).parent
    return [{"path": _relative(file, folder), "doc": doc} for file, doc in found.items()]


def _condition(method: Method, function: str, name: str) -> list[str]:
    """What a method requires or ensures under a name, as it is written."""
    return [
        ast.unparse(node.args[0])
        for node in ast.walk(method.node)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == function
        and isinstance(node.args[1], ast.Constant)
        and node.args[1].value == name
    ]


def _said(invariant: Method) -> str:
    """What an invariant says, as it is written: its one expression, or nothing when it has a body of statements."""
    last = invariant.node.body[-1]
    statements = [node for node in invariant.node.body if not isinstance(node, ast.Expr)]
    return ast.unparse(last.value) if len(statements) == 1 and isinstance(last, ast.Return) and last.value else ""


def _refusals(definition: Definition, method: Method) -> list[tuple[str, str]]:
    """Each refusal of an operation with the conditions around it: its own in order of appearance, then those of helpers."""
    found = _own_refusals(method)
    for name in sorted(reached(definition, [method.name]) - {method.name}):
        for error, conditions in _own_refusals(definition.methods[name]):
            found.append((error, ", ".join(filter(None, [f"in `{name}`", conditions]))))
    return found


def _errors(definition: Definition) -> dict[str, list[Method]]:
    """Every error with the operations that may be refused with it."""
    found: dict[str, list[Method]] = {error: [] for error in definition.errors()}
    for name, operation in definition.of_kind("operation").items():
        of_all = [definition.methods[other].literals("reject", 0) for other in reached(definition, [name])]
        for error in {error for errors in of_all for error in errors}:
            found[error].append(operation)
    return found


def _whole(definition: Definition, method: Method) -> list[Method]:
    """A method and what it overrides and calls."""
    reachable = reached(definition, [method.name])
    return [method, *(one for name, one in definition.methods.items() if name in reachable and one.kind != one.role)]


def _own_refusals(method: Method) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def walk(nodes: list[ast.stmt], around: tuple[str, ...]) -> None:
        for node in nodes:
            if isinstance(node, ast.If):
                test = ast.unparse(node.test)
                walk(node.body, (*around, f"`{test}`"))
                walk(node.orelse, (*around, f"not `{test}`"))
            elif isinstance(node, ast.For):
                loop = f"for some `{ast.unparse(node.target)}` in `{ast.unparse(node.iter)}`"
                walk(node.body, (*around, loop))
            elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                call = node.value
                if isinstance(call.func, ast.Name) and call.func.id == "reject":
                    found.append((str(ast.literal_eval(call.args[0])), ", ".join(around)))

    walk(method.node.body, ())
    return found


def _differences(named: Mapping[str, Any]) -> dict[str, Any]:
    """Sizes as the values that most of them share, and of each how it differs."""
    values = {label: attrs.asdict(parameters) for label, parameters in named.items()}
    base = {
        field: Counter(one[field] for one in values.values()).most_common(1)[0][0]
        for field in next(iter(values.values()))
    }
    return {
        "base": base,
        "named": {label: {f: v for f, v in one.items() if v != base[f]} for label, one in values.items()},
    }


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
