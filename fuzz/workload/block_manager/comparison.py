"""What the two sides are compared by, each a function that returns a failure or None and costs what was touched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kvproof.fuzz.failure import Failure
from kvproof.fuzz.oracles import Moment
from kvproof.fuzz.paths import PathNode, path_text
from kvproof.fuzz.targets.event_fold import EventFold
from kvproof.fuzz.workload.block_manager.ledger import BlockFacts, Ledger
from kvproof.impl.block_manager import Counters, decode_entry

LEVELS = ("PRIMARY", "SECONDARY")


def free_counts(moment: Moment, expected: Ledger, actual: Ledger, counted: tuple[int, ...]) -> Failure | None:
    """As many free blocks per level in the reference, by the implementation's steps, and by its own count."""
    wanted = tuple(len(queue) for queue in expected.side.free)
    stepped = tuple(len(queue) for queue in actual.side.free)
    for oracle, who, found in (
        ("step", "the steps of the target lead to", stepped),
        ("observation", "the target counts", counted),
    ):
        if found != wanted:
            message = f"{after(moment)} the specification has {wanted} free blocks per level, {who} {found}"
            return moment.failure(oracle, "free-counts", message, list(wanted), list(found))
    return None


def touched(moment: Moment, expected: Ledger, actual: Ledger) -> Failure | None:
    """Every block that either side touched is the same on both, and the same block goes next on each level."""
    return _cached(moment, expected, actual) or _private(moment, expected, actual) or _victims(moment, expected, actual)


def _cached(moment: Moment, expected: Ledger, actual: Ledger) -> Failure | None:
    paths = dict.fromkeys(expected.touched_paths())
    paths.update(dict.fromkeys(actual.touched_paths()))
    for node in paths:
        ours, theirs = expected.cached.get(node), actual.cached.get(node)
        left = None if ours is None else expected.facts(ours)
        right = None if theirs is None else actual.facts(theirs)
        if left != right:
            return _differs(moment, f"the block cached for {shown(node)}", left, right)
    return None


def _private(moment: Moment, expected: Ledger, actual: Ledger) -> Failure | None:
    """Blocks in use that no path finds: compared as a whole, since nothing else names them."""
    ours, theirs = expected.private(), actual.private()
    if ours == theirs:
        return None
    ours.sort(key=_private_order)
    theirs.sort(key=_private_order)
    if ours == theirs:
        return None
    if len(ours) != len(theirs):
        message = f"{after(moment)} the specification has touched {len(ours)} private blocks, the target {len(theirs)}"
        return moment.failure("step", "touched", message, len(ours), len(theirs))
    (left, held), (right, other) = next(pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1])
    return _differs(moment, f"a private block with {shown(held)}", left, right if held is other else None)


def events(moment: Moment, actual: Ledger, fold: EventFold) -> Failure | None:
    """What a listener to the target's events takes for cached is what the steps have cached, where either changed."""
    if fold.fault is not None:
        message = f"{after(moment)} the target's events make no sense: {fold.fault}"
        return moment.failure("observation", "events", message)
    nodes = dict.fromkeys(actual.touched_paths())
    nodes.update(fold.touched)
    for node in nodes:
        block = actual.cached.get(node)
        wanted = None if block is None else actual.place(block)[0]
        found = fold.cached.get(node)
        if found != wanted:
            left, right = _level_text(wanted), _level_text(found)
            message = f"{after(moment)} {shown(node)} is {left} by the steps of the target, {right} by its events"
            return moment.failure("observation", "events", message, left, right)
    return None


def _level_text(level: int | None) -> str:
    return "not cached" if level is None else f"cached on {LEVELS[level]}"


def _victims(moment: Moment, expected: Ledger, actual: Ledger) -> Failure | None:
    for left, right in zip(expected.next_victims(), actual.next_victims(), strict=True):
        if left is not right:
            message = (
                f"{after(moment)} the next victim is {shown(left)} in the specification, {shown(right)} in the target"
            )
            return moment.failure("step", "next-victim", message, shown(left), shown(right))
    return None


def statistics(moment: Moment, sums: Mapping[str, int], counters: Counters) -> Failure | None:
    """What the requests of a run were told adds up to the manager's own totals, refused batches or not (M-36, M-37)."""
    totals = {
        "reused": counters.tokens_reused,
        "computed": counters.tokens_admitted,
        "full": counters.blocks_reused_primary + counters.blocks_reused_secondary,
        "partial": counters.tokens_reused_in_part,
        "onboarded": counters.blocks_onboarded,
        "new": counters.blocks_new,
    }
    for name, total in totals.items():
        if total != sums[name]:
            told = f"the requests were told of {sums[name]} in all, the manager's totals of {total}"
            return moment.failure(
                "observation", f"statistics.{name}", f"{after(moment)} {name}: {told}", sums[name], total
            )
    return None


def page_table(moment: Moment, actual: Ledger, sequence: int, table: Sequence[int]) -> Failure | None:
    """The page table names the places where the implementation's steps have put the blocks."""
    blocks = actual.side.blocks[sequence]
    if len(table) != len(blocks):
        told = f"{len(table)} entries, the sequence {len(blocks)} blocks"
        return _wrong_table(moment, sequence, told, len(blocks), len(table))
    for position, (entry, block) in enumerate(zip(table, blocks, strict=True)):
        (level, slot), place = decode_entry(entry), actual.place(block)
        if (level, slot) != place:
            wanted, found = place_name(*place), place_name(level, slot)
            told = f"{found} at position {position}, the steps have put that block in {wanted}"
            return _wrong_table(moment, sequence, told, wanted, found)
    return None


def _wrong_table(moment: Moment, sequence: int, told: str, wanted: object, found: object) -> Failure:
    message = f"{after(moment)} the page table of sequence {sequence} has {told}"
    return moment.failure("observation", "page-table", message, wanted, found)


def place_name(level: int, slot: int) -> str:
    """A slot in a message."""
    return f"{LEVELS[level]} slot {slot}"


def _differs(moment: Moment, what: str, expected: BlockFacts | None, actual: BlockFacts | None) -> Failure:
    left, right = _facts_text(expected), _facts_text(actual)
    message = f"{after(moment)} {what} is {left} in the specification, {right} in the target"
    return moment.failure("step", "touched", message, left, right)


def _facts_text(facts: BlockFacts | None) -> str:
    if facts is None:
        return "not there"
    free = "free" if facts.free else "not free"
    times = f"duration {facts.duration} ({facts.remaining} left)"
    kept = f"priority {facts.priority}, {times}"
    return f"on {facts.level} with {facts.refs} references, {facts.pins} pins, {kept}, {free}"


def _private_order(pair: tuple[BlockFacts, PathNode | None]) -> tuple[object, ...]:
    facts, node = pair
    return (() if node is None else node.path(), facts)


def shown(node: PathNode | None) -> str:
    """A path in a message."""
    return "an unreachable block" if node is None else path_text(node.path())


def after(moment: Moment) -> str:
    """`after add(...)`."""
    return f"after {moment.told}"
