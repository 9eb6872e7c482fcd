"""A campaign of mutants: which mistakes in a machine `kvproof check` notices, and at which sizes.

    python tests/model/mutation_campaign.py block-manager --count 50 --seconds 10 --results mutants.json

Sizes are taken cheapest first, and a mutant that is refuted is done. Run again, it goes on with the mutants that are left,
at sizes where they were not tried or where the time was too short; `--rerun` forgets what was found of those. `--report`
only tells what there is. `--depth` proves what survived as `kvproof check` does, at all sizes, and asks what it no
longer reaches. `--explore` searches the states that a mutant reaches, at all sizes, where no proof was made within
the time: a run that breaks something is one that `check` cannot prove, however long it takes to say so. Why a mutant
that nothing refutes is as right as the machine stands in `mutants_argued.json`, beside this file.
"""

from __future__ import annotations

import json
import sys
import time
import types
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import attrs
import click

from kvproof.model.checking.explore import explore
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import Verdict
from kvproof.model.depth import account, machine_goals
from kvproof.model.lowering.system import System
from kvproof.model.machines import Bundle, load
from kvproof.model.mutation.check import Fate, check_mutant, known_bits
from kvproof.model.mutation.mutants import Mutant, drawn
from kvproof.model.writing.source import reference_source
from kvproof.spec.lang.calls import inlined_size

SEED = 12

ARGUED = Path(__file__).with_name("mutants_argued.json")
"""For each machine, the mutants that were decided by argument: the change, whether it is equivalent or another policy, and
why."""

Results = dict[str, dict[str, Any]]
"""For each mutant: its change, and for each of the sizes and operations tried, how it fared."""


@cache
def _bundle(machine: str) -> Bundle:
    return load(machine)


@cache
def _mutants(machine: str, seed: int) -> list[Mutant]:
    """The machine's own mutants, in random order: what it inherits is mutated in the machine that it extends."""
    bundle = _bundle(machine)
    inherited = load(bundle.shipped.built_on).definition.methods if bundle.shipped.built_on else {}
    return [one for one in drawn(bundle.definition, seed) if inherited.get(one.method.name) is not one.method]


@cache
def _known(machine: str, label: str) -> Mapping[str, int | str]:
    bundle = _bundle(machine)
    return known_bits(bundle.definition, bundle.sizes["induction"][label])


def cost(machine: str, label: str) -> int:
    """How large the hypotheses of a machine are at these sizes."""
    bundle = _bundle(machine)
    system = System(bundle.definition, bundle.sizes["induction"][label])
    for operation in system.operations:
        system.argument_constraints(operation)
    assert system.hypotheses
    return len(system.circuit)


def examine(machine: str, seed: int, name: str, pairs: Sequence[tuple[str, str]], seconds: float) -> list[list[Any]]:
    """The fate of one mutant at sizes and operations, in order, up to the first that refutes it."""
    mutant = next(one for one in _mutants(machine, seed) if one.name == name)
    found: list[list[Any]] = []
    for label, operation in pairs:
        noticed = check_mutant(
            mutant, _bundle(machine).sizes["induction"][label], operation, _known(machine, label), seconds
        )
        found.append([label, operation, noticed.fate.value, noticed.by, noticed.kind, noticed.seconds, seconds])
        if noticed.fate in (Fate.REFUTED, Fate.MEANINGLESS):
            break
    return found


def shallow(machine: str, seed: int, name: str, seconds: float) -> str:
    """What a check of the whole mutant reaches at none of the sizes; "" when it goes as deep as the machine's."""
    mutant = next(one for one in _mutants(machine, seed) if one.name == name)
    bundle, definition = _bundle(machine), mutant.definition
    goals = machine_goals(definition) | machine_goals(definition, of_trials=True)
    goals -= load(bundle.shipped.built_on).goals() if bundle.shipped.built_on else frozenset()
    reached: set[str] = set()
    off = set(definition.of_kind("operation"))
    for label, parameters in bundle.sizes["induction"].items():
        report = check_induction(definition, parameters, seconds=seconds, jobs=1, goals=goals)
        if not report.verdict.passes:
            return "" if report.verdict is Verdict.UNKNOWN else f"{label}: {report.summary()}"
        reached |= set(report.goals)
        off &= set(report.off)
    missed = [f"no proof reaches {goal}" for goal in account(goals, reached, bundle.shipped.unreached).missed]
    return "; ".join([*(f"{one} is never accepted" for one in sorted(off)), *missed])


def executed(machine: str, seed: int, name: str, seconds: float) -> str:
    """The first run from the initial state in which a mutant breaks something, at any of the sizes; "" without one.

    The time is for each of the sizes.
    """
    mutant = next(one for one in _mutants(machine, seed) if one.name == name)
    bundle, definition = _bundle(machine), mutant.definition
    module = types.ModuleType(f"mutant_{definition.digest()}")
    sys.modules[module.__name__] = module  # dataclasses look their module up by name
    exec(compile(reference_source(definition), module.__name__, "exec"), module.__dict__)
    mutated = attrs.evolve(bundle, definition=definition, reference=getattr(module, definition.name))
    for label, parameters in bundle.sizes["induction"].items():
        broken = explore(mutated, parameters, seconds=seconds).finding
        if broken is not None:
            calls = ", ".join(str(call) for call in broken.calls)
            return f"{label}: {broken.kind} {broken.rule} after {calls or 'nothing'}"
    return ""


class Campaign:
    """The results of a machine's campaign, kept in a file."""

    def __init__(self, machine: str, file: Path, seed: int) -> None:
        self._machine, self._file, self._seed = machine, file, seed
        kept = json.loads(file.read_text()) if file.exists() else {}
        self._all: dict[str, Any] = kept
        self.results: Results = kept.setdefault(machine, {})
        self._costs: dict[str, int] = kept.setdefault("costs", {}).setdefault(machine, {})

    @cached_property
    def argued(self) -> Mapping[str, Mapping[str, str]]:
        """The mutants that were decided by argument, by their change."""
        found: Mapping[str, Mapping[str, str]] = json.loads(ARGUED.read_text())[self._machine]
        return found

    def labels(self) -> list[str]:
        """The sizes at which the machine is proved, cheapest first."""
        labels = list(_bundle(self._machine).sizes["induction"])
        for label in labels:
            if label not in self._costs:
                self._costs[label] = cost(self._machine, label)
        return sorted(labels, key=lambda label: self._costs[label])

    def take(self, count: int) -> None:
        """Bring the campaign to `count` mutants that mean something."""
        for mutant in _mutants(self._machine, self._seed):
            if sum(1 for name in self.results if self.fate(name) is not Fate.MEANINGLESS) >= count:
                return
            if mutant.name not in self.results and mutant.is_in_the_language:
                place = f"{Path(mutant.method.file).name}:{mutant.mutation.line}"
                self.results[mutant.name] = {"place": place, "shown": mutant.shown, "tried": []}

    def fate(self, name: str) -> Fate:
        """What is known of a mutant: the first of the fates below that some size shows."""
        if self.results[name].get("shallow") or self.results[name].get("executed"):
            return Fate.REFUTED
        fates = {Fate(tried[2]) for tried in self.results[name]["tried"]}
        for fate in (Fate.MEANINGLESS, Fate.REFUTED, Fate.UNKNOWN, Fate.SURVIVED, Fate.OFF, Fate.EQUIVALENT):
            if fate in fates:
                return fate
        return Fate.UNKNOWN

    def tries(self, name: str) -> int:
        """At how many sizes and operations a mutant was tried."""
        return len(self.results[name]["tried"])

    def left(self, name: str, labels: Sequence[str], seconds: float) -> list[tuple[str, str]]:
        """Sizes and operations at which a mutant is still to be tried."""
        if self.fate(name) in (Fate.REFUTED, Fate.MEANINGLESS):
            return []
        mutant = next(one for one in _mutants(self._machine, self._seed) if one.name == name)
        definition = _bundle(self._machine).definition
        operations = sorted(mutant.checked, key=lambda one: inlined_size(definition, one))
        done = {
            (label, operation)
            for label, operation, fate, *_, given in self.results[name]["tried"]
            if Fate(fate) is not Fate.UNKNOWN or given >= seconds
        }
        return [(label, one) for label in labels for one in operations if (label, one) not in done]

    def note(self, name: str, found: list[list[Any]]) -> None:
        """Keep what was found of a mutant."""
        now = {(label, operation) for label, operation, *_ in found}
        kept = [tried for tried in self.results[name]["tried"] if (tried[0], tried[1]) not in now]
        self.results[name]["tried"] = kept + found
        self.save()

    def save(self) -> None:
        """Write the file; what other machines' campaigns wrote meanwhile stays."""
        kept = json.loads(self._file.read_text()) if self._file.exists() else {}
        kept[self._machine] = self.results
        kept.setdefault("costs", {})[self._machine] = self._costs
        self._file.write_text(json.dumps(kept, indent=1))

    def report(self) -> Iterator[str]:
        """The score, and every mutant that was not refuted."""
        fates = {name: self.fate(name) for name in self.results}
        score = Counter(fate.value for fate in fates.values())
        yield f"{self._machine}: {len(fates) - score['meaningless']} mutants, {dict(score.most_common())}"
        refuted = [
            ["every size", "", "", "", "depth" if one.get("shallow") else "run"]
            if one.get("shallow") or one.get("executed")
            else one["tried"][-1]
            for one in (self.results[name] for name, fate in fates.items() if fate is Fate.REFUTED)
        ]
        yield f"  by {dict(Counter(tried[4] for tried in refuted).most_common())}"
        yield f"  at {dict(Counter(tried[0] for tried in refuted).most_common())}"
        argued = self.argued
        left = [name for name, fate in fates.items() if fate not in (Fate.REFUTED, Fate.MEANINGLESS)]
        decided = {name: argued[self.results[name]["shown"]] for name in left if self.results[name]["shown"] in argued}
        yield f"  by argument {dict(Counter(one['is'] for one in decided.values()))}, undecided {len(left) - len(decided)}"
        for name in left:
            fate, one = fates[name], self.results[name]
            if name in decided:
                yield f"  {decided[name]['is']}: {one['place']} {name}: {decided[name]['why']}"
            else:
                tried = Counter(f"{t[2]} in {t[1]}" for t in one["tried"])
                yield f"  {fate.value}: {one['place']} {name}: {one['shown']}  [{dict(tried)}]"


@click.command()
@click.argument("machine")
@click.option("--count", default=50, show_default=True)
@click.option("--seconds", default=10.0, show_default=True, help="For each operation at each of the sizes.")
@click.option("--first", type=int, help="Only so many of the cheapest sizes.")
@click.option("--sizes", multiple=True, help="Only these sizes.")
@click.option("--mutant", "names", multiple=True, help="Only these mutants.")
@click.option("--minutes", default=600.0, show_default=True, help="For the whole run, which may then be run again.")
@click.option("--jobs", default=1, show_default=True)
@click.option("--seed", default=SEED, show_default=True)
@click.option("--rerun", is_flag=True, help="Forget what was found of mutants that were not refuted.")
@click.option("--depth", is_flag=True, help="Check the whole mutants that survived, for what they do not reach.")
@click.option("--explore", "exploring", type=float, help="Seconds at each of the sizes, for what is undecided.")
@click.option("--report", "only_report", is_flag=True)
@click.option("--results", type=click.Path(path_type=Path), required=True)
def campaign(
    machine: str,
    count: int,
    seconds: float,
    first: int | None,
    sizes: tuple[str, ...],
    names: tuple[str, ...],
    minutes: float,
    jobs: int,
    seed: int,
    rerun: bool,
    depth: bool,
    exploring: float | None,
    only_report: bool,
    results: Path,
) -> None:
    """Check the mutants of a machine, and tell the score."""
    run = Campaign(machine, results, seed)
    if not only_report:
        labels = [label for label in run.labels() if not sizes or label in sizes][:first]
        click.echo(f"{machine}: {', '.join(labels)}")
        for one in run.results.values() if rerun else ():
            if not any(tried[2] == Fate.REFUTED.value for tried in one["tried"]):
                one["tried"] = []
        deadline = time.monotonic() + 60 * minutes
        with ProcessPoolExecutor(max_workers=jobs) as pool:
            pending: dict[Future[list[list[Any]]], str] = {}
            while True:
                run.take(count)
                for name in names or sorted(run.results, key=run.tries):
                    if len(pending) == jobs or time.monotonic() > deadline:
                        break
                    left = run.left(name, labels, seconds)
                    # one of the sizes at a time, so that all mutants have been tried at the cheapest first
                    pairs = [pair for pair in left if pair[0] == left[0][0]]
                    if pairs and name not in pending.values():
                        pending[pool.submit(examine, machine, seed, name, pairs, seconds)] = name
                if not pending:
                    break
                for future in wait(pending, return_when=FIRST_COMPLETED).done:
                    name = pending.pop(future)
                    run.note(name, future.result())
                    told = run.results[name]["tried"][-1]
                    now = time.strftime("%H:%M:%S")
                    click.echo(f"{now} {run.fate(name).value:12} {name}: {told[0]} {told[3][:60]}")
                    sys.stdout.flush()
    if depth:
        for name in [name for name in names or run.results if run.fate(name) in (Fate.SURVIVED, Fate.OFF)]:
            run.results[name]["shallow"] = shallow(machine, seed, name, seconds)
            run.save()
    if exploring:
        for name in [name for name in names or run.results if run.fate(name) in (Fate.SURVIVED, Fate.UNKNOWN)]:
            if run.results[name]["shown"] not in run.argued:
                run.results[name]["executed"] = executed(machine, seed, name, exploring)
                click.echo(f"{name}: {run.results[name]['executed'] or 'nothing breaks'}")
                run.save()
    for line in run.report():
        click.echo(line)


if __name__ == "__main__":
    campaign()
