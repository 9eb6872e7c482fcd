"""`kvproof witnesses`: for each conjunct of what a machine states, a state and a call that this conjunct alone refuses."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from kvproof.fuzz.shell.options import file
from kvproof.fuzz.subject import MachineError
from kvproof.fuzz.targets import DEFAULT_MACHINE
from kvproof.model.machines import Bundle, UnknownMachine, load
from kvproof.model.witnesses.conjuncts import Conjunct, conjuncts
from kvproof.model.witnesses.search import Found, find
from kvproof.model.witnesses.witness import (
    Unearned,
    WitnessError,
    Witnesses,
    call_of,
    earned,
    read,
    unearned,
    unexplained,
    write,
)
from kvproof.spec.lang import LanguageError

FINDING = 1
UNKNOWN = 3


@click.command("witnesses")
@click.option("--machine", default=DEFAULT_MACHINE, show_default=True, help="A name, module:Class or file.py:Class.")
@click.option("--sizes", multiple=True, metavar="NAME", help="Look only at these named sizes; repeatable.")
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=60.0,
    show_default=True,
    help="For each query.",
)
@click.option(
    "--record",
    type=click.Path(path_type=Path),
    callback=file,
    metavar="FILE",
    help="Keep the witnesses in a file; those in it that still hold are kept, and not looked for again.",
)
@click.option("--all", "every", is_flag=True, help="Show each witness.")
@click.pass_context
def command(
    context: click.Context, machine: str, sizes: tuple[str, ...], seconds: float, record: Path | None, every: bool
) -> None:
    """Break every conjunct of every rule, promise and invariant by itself.

    A conjunct that no state and no call breaks alone says nothing: a rule that the other rules imply, half of an invariant
    that follows from the rest. Whoever keeps it says why, in `documenting` of the machine's declaration.

    Exit status 0 when each conjunct has its witness or its reason, 1 when one has neither or a reason is not needed, 3 when
    the time was too short to tell.
    """
    console = Console()
    try:
        bundle = load(machine)
        known = read(record) if record is not None else None
        parts = conjuncts_of(bundle)
        named = dict(bundle.sizes.get("induction", {})) or {"default": bundle.parameters({})}
        for name in sizes:
            if name not in named:
                raise ValueError(f"there are no sizes {name!r}: choose from {', '.join(map(repr, named))}")
        chosen = {label: values for label, values in named.items() if not sizes or label in sizes}
    except (UnknownMachine, LanguageError, WitnessError, ValueError) as error:
        raise MachineError(str(error)) from error

    def keep(found: Found) -> None:
        if record is not None:
            write(Witnesses(bundle.name, bundle.definition.digest(), tuple(found.witnesses.values())), record)

    with console.status(machine) as line:

        def shown(told: str, found: Found) -> None:
            line.update(f"{machine} at {told}")
            keep(found)
            if not console.is_terminal:  # where no status line is seen, as in CI
                console.print(told, highlight=False, soft_wrap=True)

        found = find(
            bundle.definition,
            parts,
            chosen,
            variants=bundle.variants,
            variant_sizes=bundle.sizes.get("variants", {}),
            known=known.witnesses if known is not None else (),
            seconds=seconds,
            progress=shown,
        )
    if every:
        for key, witness in found.witnesses.items():
            console.print(f"[bold]{key}[/bold]", highlight=False)
            console.print(
                f"  {call_of(witness) or witness.condition} at {witness.state}", highlight=False, markup=False
            )
    left = unearned(bundle.definition, parts, found.witnesses.values())
    status = _told(console, bundle, parts, found, left)
    if record is not None:
        keep(found)
        console.print(f"kept in {record}")
    context.exit(status)


def conjuncts_of(bundle: Bundle) -> list[Conjunct]:
    """The conjuncts that a machine has of its own."""
    return conjuncts(bundle.definition, load(bundle.shipped.built_on).definition if bundle.shipped.built_on else None)


def _told(console: Console, bundle: Bundle, parts: list[Conjunct], found: Found, left: dict[str, Unearned]) -> int:
    keys = {conjunct.key for conjunct in parts}
    shown = [witness for witness in found.witnesses.values() if earned(bundle.definition, witness)]
    between = sum(1 for witness in shown if not witness.unlike and not witness.variant and not witness.slip)
    mistaken = sum(1 for witness in shown if witness.variant or witness.slip)
    console.print(
        f"{len(keys)} conjuncts, {len(shown)} broken by themselves: {between} in a state that satisfies all other "
        f"invariants, {len(shown) - between - mistaken} in one that does not, {mistaken} by a variant or a slip",
        highlight=False,
        soft_wrap=True,
    )
    silent, needless = unexplained(left, bundle.shipped.documenting)
    for key in silent:
        one = left[key]
        undecided = key in found.undecided
        why = "undecided" if undecided else f"implied by {', '.join(one.implied_by) or 'the other conditions'}"
        console.print(f"  {one.conjunct}: {why}", style="yellow" if undecided else "red", markup=False, soft_wrap=True)
    for name in needless:
        console.print(f"  a reason is given for {name}, and none is needed", style="red", markup=False, soft_wrap=True)
    if needless or any(key not in found.undecided for key in silent):
        return FINDING
    return UNKNOWN if silent else 0
