"""Faults that were mended, put back one at a time: how many random machines it takes to find each.

`python tests/model/random_machines/faults.py` prints the table; `--fault NAME` tries one. Each is a change of the source
text of a module: what the change makes of its functions and constants takes their place for a while. It fails loudly
when the text that it changes is gone.
"""

from __future__ import annotations

import argparse
import importlib
import linecache
import random
import sys
import time
import types
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

import attrs

if __package__ in (None, ""):
    sys.path[:0] = [str(Path(__file__).parents[1])]

from kvproof.model.lowering.system import System
from kvproof.model.machines import generated_class
from kvproof.spec.lang import LanguageError, compile_machine
from random_machines.agreement import compared, sampled
from random_machines.campaign import text_of
from random_machines.checkers import checked
from random_machines.loading import forgotten, loaded
from random_machines.runners import Direct, Referring
from random_machines.symbolic import Circuitry, Sample


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
    where: str = "circuit"
    """What is wrong: the circuit, the names of its inputs, the reference, or the checker (then what is refused counts)."""
    refused: str = ""
    """For one of the checker: part of what it says where it refuses what the fault admits."""


EFFECTS = "kvproof.spec.lang.effects"
PARTS = "kvproof.model.writing.parts"
EXPRESSIONS = "kvproof.model.lowering.expressions"
STATEMENTS = "kvproof.model.lowering.statements"
ENCODING = "kvproof.model.symbolic.encoding"

FAULTS = (
    Fault(
        "p01",
        "a slice's negative start counts from its upper end",
        (
            Change(
                "kvproof.model.symbolic.sequences",
                "return sequence if first is None else suffix(algebra, sequence, first)",
                "return sequence if start is None else suffix(algebra, sequence, start)",
            ),
        ),
    ),
    Fault(
        "p02",
        "helpers may step in quantifiers, where the circuit drops it",
        (Change(EFFECTS, "elif effect in (STEP, CHOICE, REFUSAL) and call.within:", "elif False:"),),
        where="checker",
        refused="takes a step",
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
        where="checker",
        refused="may have no value here",
    ),
    Fault(
        "p06",
        "references loop over sets in hash order, and over what changes",
        (Change("kvproof.model.writing.checks", "        return order_text(kind.inner)", '        return "_same"'),),
        where="reference",
    ),
    Fault(
        "p09",
        "negative priorities end in a traceback",
        (Change(PARTS, "1 << priority - self._low", "1 << priority"),),
        where="reference",
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
        where="reference",
    ),
    Fault(
        "p11",
        "an index that may be negative counts from the start",
        (Change("kvproof.model.symbolic.sequences", "    if index.low < 0:", "    if index.high < 0:"),),
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
        (Change(EFFECTS, '"step": (STEP, PROMISE, REFUSAL),', '"step": (PROMISE, REFUSAL),'),),
        where="checker",
        refused="takes a step",
    ),
    Fault(
        "p17",
        "references do not test the ends of what enters the state",
        (Change("kvproof.model.writing.checks", "inside = _inside(kind, text)", 'inside = "True"'),),
        where="reference",
    ),
    Fault(
        "p30",
        "`get` of a map of options is an option of an option",
        (
            Change(
                "kvproof.model.symbolic.containers",
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
            Change("kvproof.model.symbolic.circuit", "if self._nodes.setdefault(name, node) != node:", "if False:"),
        ),
        where="names",
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
        where="reference",
    ),
    Fault(
        "p35",
        "`in` an optional sequence that is not None is refused",
        (Change(EXPRESSIONS, "right = self.present(right, nodes[1], where)", "right = right"),),
    ),
    Fault(
        "p37",
        "an invariant may step through helpers",
        (Change(EFFECTS, '"invariant": LOOKING,', '"invariant": (),'),),
        where="checker",
        refused="invariant ",
    ),
    Fault(
        "all",
        "what follows the value that decides `all` or `any` must be defined",
        (
            Change(
                "kvproof.model.lowering.iteration",
                "still_open = both(still_open, both(condition, decides(value)) ^ 1)",
                "pass",
            ),
        ),
    ),
    Fault(
        "results",
        "the circuit does not hold helpers to their results",
        (Change(STATEMENTS, "if method.returns is not None:", "if False:"),),
    ),
    Fault(
        "refused",
        "what a helper refuses in a conditional part is forgotten",
        (Change(EXPRESSIONS, "if part.guard != entered:", "if False:"),),
    ),
    Fault(
        "gaps",
        "zip takes what is missing in a set for its end",
        (Change("kvproof.model.lowering.iteration", "cases if ends else self._gathered(cases)", "cases"),),
    ),
    Fault(
        "late",
        "a step in a conditional part is forgotten when nothing changed",
        (Change(EXPRESSIONS, "if part.stepped != environment.stepped or any(", "if any("),),
    ),
    Fault(
        "exactly",
        "a sequence shorter than its exact type has no elements for its length",
        (Change("kvproof.model.symbolic.values", "items += [self.zero(shape.inner)] *", "items += [] *"),),
    ),
    Fault(
        "recursion",
        "a helper may call itself",
        (Change(EFFECTS, "if call.of_machine and call.name in (*path, name):", "if False:"),),
        where="checker",
        refused="calls itself",
    ),
    Fault(
        "enumerations",
        "an enumeration that only the state names is not written in the reference",
        (
            Change(
                "kvproof.model.writing.source",
                "for kind in (*records.values(), *(kind for _, kind in self._state)):",
                "for kind in records.values():",
            ),
        ),
        where="reference",
    ),
)


# Putting back


@contextmanager
def put_back(fault: Fault) -> Iterator[None]:
    """Inside, kvproof has the fault."""
    undo: list[tuple[Any, str, Any]] = []
    files = []
    try:
        for name in dict.fromkeys(change.module for change in fault.changes):
            module = importlib.import_module(name)
            changed = _changed(module, [change for change in fault.changes if change.module == name])
            files.append(str(module.__file__))
            _replace(module.__dict__, changed.__dict__, module.__name__, module, undo)
        yield
    finally:
        for owner, name, value in reversed(undo):
            setattr(owner, name, value)
        for file in files:
            linecache.cache.pop(file, None)


def _changed(module: ModuleType, changes: Sequence[Change]) -> ModuleType:
    """The module as it is with the changes; who asks for its source is given the changed one."""
    file = str(module.__file__)
    text = Path(file).read_text(encoding="utf-8")
    for change in changes:
        if change.old not in text:
            raise LookupError(f"{module.__name__} has no more {change.old!r}: write the fault anew")
        text = text.replace(change.old, change.new)
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    changed = types.ModuleType(module.__name__)
    changed.__file__ = file
    exec(compile(text, file, "exec"), changed.__dict__)
    return changed


def _replace(old: Any, new: Any, module: str, owner: Any, undo: list[tuple[Any, str, Any]]) -> None:
    """Give functions the code that they have in the changed module, and constants the values."""
    for name, value in dict(new).items():
        known = old.get(name)
        one, other = _function(known), _function(value)
        if one is not None and other is not None:
            if one.__module__ == module and not _same(one.__code__, other.__code__):
                undo.append((one, "__code__", one.__code__))
                one.__code__ = other.__code__
        elif isinstance(value, type) and isinstance(known, type) and known.__module__ == module:
            _replace(vars(known), vars(value), module, known, undo)
        elif isinstance(value, dict | tuple) and name.isidentifier() and not name.startswith("__") and known != value:
            undo.append((owner, name, known))
            setattr(owner, name, value)


def _function(value: Any) -> FunctionType | None:
    value = getattr(value, "__wrapped__", getattr(value, "__func__", value))
    return value if isinstance(value, FunctionType) else None


def _same(one: CodeType, other: CodeType) -> bool:
    """Whether two codes do the same, wherever they stand."""
    if (one.co_code, one.co_names, one.co_varnames) != (other.co_code, other.co_names, other.co_varnames):
        return False
    return len(one.co_consts) == len(other.co_consts) and all(
        _same(x, y) if isinstance(x, CodeType) and isinstance(y, CodeType) else x == y and type(x) is type(y)
        for x, y in zip(one.co_consts, other.co_consts, strict=True)
    )


# Finding


@attrs.define
class _Machine:
    """One machine with calls that were run, for all faults of the circuit."""

    module: ModuleType
    samples: list[Sample]

    @classmethod
    def of(cls, seed: int) -> _Machine:
        module = loaded(text_of("run", seed), f"random_fault_{seed}")
        definition = compile_machine(module.MACHINE)
        parameters = definition.parameters()
        direct, referring = Direct(module, parameters), Referring(generated_class(module.MACHINE), parameters)
        samples: list[Sample] = []
        list(sampled(definition, parameters, direct, referring, random.Random(seed), 60, samples))
        return cls(module, samples)

    def differs(self, engine: str = "") -> str:
        """How the circuit of the machine differs from its calls; "" when it does not."""
        definition = compile_machine(self.module.MACHINE)
        try:
            circuitry = Circuitry(System(definition, definition.parameters()))
            for kind, _ in circuitry.differences(self.samples):
                return kind
            for kind, _ in circuitry.solved(self.samples[::10], engine) if engine else ():
                return kind
        except LanguageError as error:
            return f"refused: {error.problem}"
        except Exception as error:  # noqa: BLE001  # any error of the tools is a finding
            return f"error {type(error).__name__}"
        return ""


def shown(fault: Fault, seed: int, machine: _Machine) -> str:
    """How the machine of a seed shows a fault; "" when it does not."""
    name = f"random_fault_{fault.name}_{seed}"
    if fault.where in ("circuit", "names"):
        with put_back(fault):
            if fault.where == "circuit":
                return machine.differs()
            told = machine.differs("z3")
            found = checked(text_of("check", seed), name).differences if not told else []
            return found[0].kind if found else told
    if fault.where == "reference":
        with put_back(fault):
            return _run_differently(seed, f"{name}_faulty")
    text = text_of("spoil", seed)
    if fault.refused not in _refused(text, name):
        return ""  # it has nothing to do with this fault
    with put_back(fault):
        differences = compared(text, f"{name}_faulty", seed).differences
    return differences[0].kind if differences else ""


def _refused(text: str, name: str) -> str:
    """What the checker says of a machine; nothing when it admits it."""
    try:
        module = loaded(text, name)
        compile_machine(module.MACHINE)
    except LanguageError as error:
        return str(error)
    except Exception:  # noqa: BLE001  # Python itself does not run it
        return ""
    forgotten(module)
    return ""


def _run_differently(seed: int, name: str) -> str:
    """How a machine's class and reference differ."""
    module = loaded(text_of("run", seed), name)
    try:
        definition = compile_machine(module.MACHINE)
        parameters = definition.parameters()
        direct, referring = Direct(module, parameters), Referring(generated_class(module.MACHINE), parameters)
        return next(
            (kind for kind, _ in sampled(definition, parameters, direct, referring, random.Random(seed), 60, [])), ""
        )
    except Exception as error:  # noqa: BLE001  # any error of the tools is a finding
        return f"error {type(error).__name__}"
    finally:
        forgotten(module)


def table(faults: Sequence[Fault], machines: int, first: int = 0) -> Iterator[tuple[Fault, int | None, str]]:
    """Each fault with the number of machines that it took to find it, and how it showed; None when none did."""
    missing = list(faults)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Python, about odd expressions
        for count, seed in enumerate(range(first, first + machines), start=1):
            machine = _Machine.of(seed)
            for fault in list(missing):
                told = shown(fault, seed, machine)
                if told:
                    missing.remove(fault)
                    yield fault, count, told
            forgotten(machine.module)
            if not missing:
                return
    for fault in missing:
        yield fault, None, f"not in {machines} machines"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the table; 1 when a fault is not found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fault", action="append", help="only this one (may be given several times)")
    parser.add_argument("--machines", type=int, default=400, help="most machines")
    parser.add_argument("--seed", type=int, default=0, help="the first machine's")
    given = parser.parse_args(arguments)
    wanted = [fault for fault in FAULTS if not given.fault or fault.name in given.fault]
    missed, started = 0, time.process_time()
    print("fault | what | machines until found | how")
    for fault, count, told in table(wanted, given.machines, given.seed):
        missed += count is None
        print(f"{fault.name} | {fault.what} | {count or 'missed'} | {told}", flush=True)
    print(f"{time.process_time() - started:.0f} s of CPU")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
