"""How large the block manager's circuits are and how long its checks take: `python tests/bench/bench_checking.py`.

Prints one table row for each operation proved and one for each variant found. Options: the engine (cadical or z3), and
which named sizes; sizes called "deep" are here only, since they take minutes.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import attrs

from kvproof.model.checking.bounded import check_bounded
from kvproof.model.checking.induction import check_induction
from kvproof.model.checking.verdict import OperationReport
from kvproof.model.lowering.system import System
from kvproof.model.machines import load


def circuit_rows(definition: Any, parameters: Any) -> None:
    """Nodes of each operation's circuit, and the seconds that building it takes."""
    print(f"{'operation':<12} {'nodes':>9} {'obligations':>12} {'build s':>8}")
    for name in definition.of_kind("operation"):
        system = System(definition, parameters)
        before = len(system.circuit)
        started = time.perf_counter()
        transition = system.transition(name)
        seconds = time.perf_counter() - started
        size = len(system.circuit) - before
        print(f"{name:<12} {size:>9,} {len(transition.record.obligations):>12} {seconds:>8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", default="cadical", choices=["cadical", "z3"])
    parser.add_argument("--sizes", nargs="*", help="named induction sizes, or 'deep'; all but deep by default")
    parser.add_argument("--seconds", type=float, default=600.0, help="budget of each check")
    parser.add_argument("--no-variants", action="store_true")
    options = parser.parse_args()
    bundle = load("block-manager")
    sizes = dict(bundle.sizes["induction"])
    wanted = options.sizes or list(sizes)
    sizes["deep"] = bundle.parameters({**attrs.asdict(sizes["3+3"]), "max_tokens": 3})

    def row(one: OperationReport) -> None:
        print(f"{one.operation:<12} {one.nodes:>9,} {one.clauses:>9,} {one.seconds:>8.1f}  {one.verdict.value}")

    for name in wanted:
        print(f"\n{name}: circuits")
        circuit_rows(bundle.definition, sizes[name])
        print(f"\n{name}: induction, {options.engine}")
        print(f"{'operation':<12} {'nodes':>9} {'clauses':>9} {'seconds':>8}")
        proof = check_induction(
            bundle.definition, sizes[name], engine=options.engine, seconds=options.seconds, progress=row
        )
        print(f"{'all':<12} {proof.nodes:>9,} {proof.clauses:>9,} {proof.seconds:>8.1f}  {proof.summary()}")
    if options.no_variants:
        return
    print(f"\nvariants: bounded check, {options.engine}")
    for name in bundle.variants:
        variant = bundle.variant(name)
        found = check_bounded(
            variant.definition, bundle.sizes["variants"][name], engine=options.engine, seconds=options.seconds
        )
        print(f"{name:<12} {found.nodes:>9,} {found.clauses:>9,} {found.seconds:>8.1f}  {found.summary()[:90]}")


if __name__ == "__main__":
    main()
