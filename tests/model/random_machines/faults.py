"""Faults that were mended, put back one at a time: how many random machines it takes to find each.

`python tests/model/random_machines/faults.py` prints the table; `--fault NAME` tries one. Each is a change of the source
text, made while the module is imported, in a process of its own; it fails loudly when the text that it changes is gone.
"""

from __future__ import annotations

import argparse
import importlib.abc
import importlib.machinery
import linecache
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any

import attrs

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parents[1])]


@attrs.frozen
class Change:
    """In the source of a module, `old` becomes `new` wherever it stands."""

    module: str
    old: str
    new: str


@attrs.frozen
class Fault:
    """A fault, and how it is put back."""

    name: str
    what: str
    changes: tuple[Change, ...]
    sorts: tuple[str, ...] = ("run",)
    """With which sorts of machines it is looked for: run, check, spoil."""
    refuses: bool = False
    """It shows as a refusal without cause."""


SPOIL = ("spoil",)
EFFECTS = "kvproof.spec.lang.effects"
PARTS = "kvproof.model.reference_parts"
EXPRESSIONS = "kvproof.model.lowering_expressions"
STATEMENTS = "kvproof.model.lowering_statements"
ENCODING = "kvproof.model.symbolic_encoding"

FAULTS = (
    Fault(
        "p01",
        "a slice's negative start counts from its upper end",
        (
            Change(
                "kvproof.model.symbolic_sequences",
                "return sequence if first is None else suffix(algebra, sequence, first)",
                "return sequence if start is None else suffix(algebra, sequence, start)",
            ),
        ),
    ),
    Fault(
        "p02",
        "helpers may step in quantifiers, where the circuit drops it",
        (Change(EFFECTS, "elif effect in (STEP, CHOICE) and call.within:", "elif False:"),),
        SPOIL,
    ),
    Fault(
        "p03",
        "steps after the first part of a chained comparison are dropped",
        (
            Change(
                EXPRESSIONS,
                "self.under(environment, result, compared, FALSE)",
                "compared(environment.branch(self.circuit, result))",
            ),
        ),
    ),
    Fault(
        "p04",
        "a local may be without a value (p41: and a promise about it is proved)",
        (Change("kvproof.spec.lang.assignment", "    _Assignment(method).run()", "    return"),),
        SPOIL,
    ),
    Fault(
        "p06",
        "references loop over sets in hash order, and over what changes",
        (
            Change(
                "kvproof.model.reference_types",
                'return "_in_order" if holds_option(kind) else "sorted"',
                'return "_same"',
            ),
        ),
    ),
    Fault(
        "p09", "negative priorities end in a traceback", (Change(PARTS, "1 << priority - self._low", "1 << priority"),)
    ),
    Fault(
        "p10",
        "None among keys has no order",
        (
            Change(
                "kvproof.spec.lang.types",
                "        return sorted(values, key=_rank)",
                "        return sorted(values)",
            ),
        ),
    ),
    Fault(
        "p11",
        "an index that may be negative counts from the start",
        (Change("kvproof.model.symbolic_sequences", "    if index.low < 0:", "    if index.high < 0:"),),
    ),
    Fault(
        "p12",
        "the circuit holds arguments of helpers and steps to their types",
        (
            Change(
                STATEMENTS,
                "value if isinstance(kind, OptionType) else self.present(value, given, environment)",
                "value if kind is None else "
                "self.fitted(value, shape_of(kind, self.parameters), 'argument', given, environment)",
            ),
        ),
    ),
    Fault(
        "p13",
        "an optional truth value that is None is no condition",
        (
            Change(
                EXPRESSIONS,
                "return self.truth_of(self.evaluate(node, environment), node)",
                "return self.truth_of(self.present(self.evaluate(node, environment), node, environment), node)",
            ),
        ),
    ),
    Fault(
        "p15",
        "a step may take a step through a helper",
        (Change(EFFECTS, '"step": (STEP, PROMISE),', '"step": (PROMISE,),'),),
        SPOIL,
    ),
    Fault(
        "p17",
        "references do not test what enters the state",
        (Change("kvproof.model.reference_checks", "    if evident(found, kind):", "    if True:"),),
    ),
    Fault(
        "p30",
        "`get` of a map of options is an option of an option",
        (
            Change(
                "kvproof.model.symbolic_containers",
                "return inner if isinstance(inner, Option) else Option(found, inner)",
                "return Option(found, inner)",
            ),
        ),
    ),
    Fault(
        "p32",
        "two bits of a partial map of options have one name",
        (
            Change(ENCODING, 'self._bit(f"{place}@", TRUE)', 'self._bit(f"{place}.is", TRUE)'),
            Change(ENCODING, 'self._bit(f"{name}?", used)', 'self._bit(f"{name}.is", used)'),
            Change(ENCODING, 'self.value(shape.inner, f"{name}!", present)', "self.value(shape.inner, name, present)"),
            Change("kvproof.model.circuit", "if self._nodes.setdefault(name, node) != node:", "if False:"),
        ),
        ("check", "run"),
    ),
    Fault(
        "p33",
        "reads of what is not there end in Python's errors",
        (
            Change(
                PARTS,
                "_MISUSES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)",
                "_MISUSES = ()",
            ),
        ),
    ),
    Fault(
        "p35",
        "`in` an optional sequence that is not None is refused",
        (Change(EXPRESSIONS, "right = self.present(right, nodes[1], where)", "right = right"),),
        refuses=True,
    ),
    Fault(
        "p37",
        "an invariant may step through helpers",
        (Change(EFFECTS, '"invariant": LOOKING,', '"invariant": (),'),),
        SPOIL,
    ),
    Fault(
        "all",
        "what follows the value that decides `all` or `any` must be defined",
        (
            Change(
                "kvproof.model.lowering_iteration",
                "still_open = both(still_open, both(condition, decides(value)) ^ 1)",
                "pass",
            ),
        ),
    ),
    Fault(
        "results",
        "the circuit does not hold helpers to their results",
        (Change(STATEMENTS, "if method.returns is not None and ended.guard != FALSE:", "if False:"),),
    ),
    Fault(
        "late",
        "a step in a conditional part is forgotten when nothing changed",
        (Change(EXPRESSIONS, "if part.stepped != environment.stepped or any(", "if any("),),
    ),
    Fault(
        "exactly",
        "a sequence longer than its exact type has no elements for its length",
        (Change("kvproof.model.symbolic_values", "items += [self.zero(shape.inner)] *", "items += [] *"),),
    ),
    Fault(
        "recursion",
        "a helper may call itself",
        (Change(EFFECTS, "if call.of_machine and call.name in (*path, name):", "if False:"),),
        SPOIL,
    ),
    Fault(
        "enumerations",
        "an enumeration that only the state names is not written in the reference",
        (
            Change(
                "kvproof.model.reference_source",
                "for kind in (*records.values(), *(kind for _, kind in self._state)):",
                "for kind in records.values():",
            ),
        ),
    ),
)


class _Changed(importlib.machinery.SourceFileLoader):
    def __init__(self, name: str, path: str, changes: Sequence[Change]) -> None:
        super().__init__(name, path)
        self._changes = changes

    def get_code(self, fullname: str) -> CodeType:
        text = Path(self.path).read_text(encoding="utf-8")
        for change in self._changes:
            if change.old not in text:
                raise LookupError(f"{fullname} has no more {change.old!r}: write the fault anew")
            text = text.replace(change.old, change.new)
        # who asks for the source of the module is given the changed one
        linecache.cache[self.path] = (len(text), None, text.splitlines(keepends=True), self.path)
        return compile(text, self.path, "exec", dont_inherit=True)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        changes = [change for change in self._changes if change.module == fullname]
        if not changes:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None and spec.origin is not None:
                spec.loader = _Changed(fullname, spec.origin, changes)
                return spec
        return None


def put_back(fault: Fault) -> None:
    """From now on kvproof has the fault; nothing of what it changes may be imported yet."""
    for change in fault.changes:
        if change.module in sys.modules:
            raise ImportError(f"{change.module} is imported already")
    sys.meta_path.insert(0, _Finder(fault.changes))


def found_after(fault: Fault, machines: int, first: int = 0) -> tuple[int | None, str]:
    """In this process, which has the fault: how many machines it took to find it, and how it showed."""
    import random_machines.campaign

    count = 0
    for seed in range(first, first + machines):
        for sort in fault.sorts:
            count += 1
            differences = random_machines.campaign.tried((sort, seed))[2]
            if any(one.kind != "refused" or fault.refuses for one in differences):
                return count, f"{sort} {seed}: {differences[0].kind}"
    return None, f"not in {count} machines"


def hunted(fault: Fault, machines: int) -> tuple[str, float]:
    """The same in a process of its own; what it says, and the seconds it took."""
    started = time.monotonic()
    command = [sys.executable, __file__, "--here", "--fault", fault.name, "--machines", str(machines)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    told: Any = result.stdout.strip().splitlines() or result.stderr.strip().splitlines() or ["nothing"]
    return told[-1], time.monotonic() - started


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a fault is not found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fault", action="append", help="only this one (may be given several times)")
    parser.add_argument("--machines", type=int, default=400, help="most machines for each")
    parser.add_argument("--here", action="store_true", help="in this process")
    given = parser.parse_args(arguments)
    wanted = [fault for fault in FAULTS if not given.fault or fault.name in given.fault]
    if given.here:
        put_back(wanted[0])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            count, told = found_after(wanted[0], given.machines)
        print(f"{count} | {told}" if count is not None else f"missed | {told}")
        return 0 if count is not None else 1
    missed = 0
    print("fault | what | machines until found | how | seconds")
    for fault in wanted:
        told, seconds = hunted(fault, given.machines)
        missed += not told[:1].isdigit()
        print(f"{fault.name} | {fault.what} | {told} | {seconds:.1f}", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
