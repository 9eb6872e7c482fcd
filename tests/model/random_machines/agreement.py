"""One random machine, run in every way: what differs."""

from __future__ import annotations

import random
import sys
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Any

import attrs

from kvproof.model.lowering.record import LoweringError
from kvproof.model.lowering.system import System
from kvproof.model.machines import generated_class
from kvproof.spec.lang import Definition, LanguageError, compile_machine

from .loading import forgotten, loaded
from .runners import Direct, Ran, Referring, counted, typed, untyped
from .states import random_part
from .symbolic import Circuitry, Sample

CALLS = 60
ASKED = 6
"""Calls of a machine that are asked of a solver."""


@attrs.frozen
class Difference:
    """Something in which two executions differ, or an error of the tools."""

    kind: str
    """Short, the same for all machines that show one fault (nearly)."""
    told: str


@attrs.define
class Compared:
    """What came of one machine."""

    differences: list[Difference] = attrs.field(factory=list)
    outcomes: Counter[str] = attrs.field(factory=Counter)
    refused: str = ""
    """The checker's refusal."""


def compared(text: str, name: str, seed: int, calls: int = CALLS, engines: Sequence[str] = ()) -> Compared:
    """Run the machine of a module's text in every way; a few of the calls are asked of `engines` too."""
    found = Compared()
    try:
        module = loaded(text, name)
    except Exception as error:  # noqa: BLE001  # Python itself does not run it
        found.refused = f"{type(error).__name__}: {error}"
        return found
    try:
        definition = compile_machine(module.MACHINE)
        for kind, told in _differences(module, definition, random.Random(seed), calls, engines, found):
            found.differences.append(Difference(kind, told))
            if len(found.differences) >= 4:
                break
    except LanguageError as error:
        found.refused = str(error)
    except LoweringError as error:
        found.differences.append(Difference("no symbolic form", str(error)))
    except Exception as error:  # noqa: BLE001  # any error of the tools is a finding
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"error {type(error).__name__} in {frame.name}"
        found.differences.append(Difference(kind, traceback.format_exc()[-1500:]))
    finally:
        forgotten(module)
    return found


def _differences(
    module: ModuleType, definition: Definition, rng: random.Random, calls: int, engines: Sequence[str], found: Compared
) -> Iterator[tuple[str, str]]:
    parameters = definition.parameters()
    direct = Direct(module, parameters)
    reference_class = generated_class(module.MACHINE)
    referring = Referring(reference_class, parameters)
    if typed(direct.snapshot()) != typed(untyped(referring.snapshot())):
        yield "initial state", f"{direct.snapshot()} and in the reference {referring.snapshot()}"
        return
    samples: list[Sample] = []
    yield from sampled(definition, parameters, direct, referring, rng, calls, samples)
    for sample in samples:
        counted(found.outcomes, sample.ran)
    circuitry = Circuitry(System(definition, parameters))
    yield from circuitry.differences(samples)
    for engine in engines:
        yield from circuitry.solved(samples[:: max(1, len(samples) // ASKED)], engine)
    sys.modules.pop(reference_class.__module__, None)


def sampled(
    definition: Definition,
    parameters: Any,
    direct: Direct,
    referring: Referring,
    rng: random.Random,
    calls: int,
    samples: list[Sample],
) -> Iterator[tuple[str, str]]:
    """Run calls on the class and on the reference, and say where they differ."""
    methods = {**definition.of_kind("operation"), **definition.trials()}
    invariants = list(definition.of_kind("invariant"))
    names = list(methods)
    state = direct.snapshot()
    for _ in range(calls):
        if rng.random() < 0.3:
            state = tuple(random_part(v.type, parameters, rng) for v in definition.state.values())
            direct.restore(state)
            state = direct.snapshot()  # in the order of a snapshot
        direct.restore(state)
        referring.restore(state)
        if direct.snapshot() != state or untyped(referring.snapshot()) != state:
            yield "restore", f"{state} is restored as {direct.snapshot()} and {referring.snapshot()}"
            return
        name = rng.choice(names)
        arguments = {
            argument: random_part(kind, parameters, rng, named=True)
            for argument, kind in methods[name].arguments
            if kind is not None
        }
        ran = direct.call(name, arguments, [rng.randrange(6) for _ in range(3)])
        other = referring.call(name, arguments, ran.chosen)
        said = direct.invariants(invariants) if ran.outcome.sound else {}
        sample = Sample(state, name, arguments, ran, referring.covered(), said)
        samples.append(sample)
        for kind, told in _compared(ran, other, name in definition.trials()):
            yield kind, f"{sample}: {told}"
        if ran.outcome.sound:
            also = referring.invariants(invariants)
            if said != also:
                yield "reference invariant", f"{said} and in the reference {also} after {sample}"
            state = sample.after = direct.snapshot()
            if typed(state) != ran.after:
                yield "looking changes", f"the invariants lead from {ran.after} to {state} after {sample}"


def _compared(ran: Ran, other: Ran, trial: bool) -> Iterator[tuple[str, str]]:
    if ran.outcome != other.outcome:
        kind = f"{ran.outcome.sort} vs reference {other.outcome.sort}"
        yield kind, f"{ran.outcome} and in the reference {other.outcome}"
        return
    if ran.offered != other.offered:
        yield "reference choices", f"{ran.offered} and in the reference {other.offered}"
    if not ran.outcome.sound:
        return
    if ran.after != other.after:
        yield "reference state", f"{ran.after} and in the reference {other.after}"
    if trial:
        return
    if ran.steps != other.steps:
        yield "reference steps", f"{ran.steps} and in the reference {other.steps}"
    if ran.events != other.events:
        yield "reference events", f"{ran.events} and in the reference {other.events}"
