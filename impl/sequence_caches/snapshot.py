"""All that a manager of sequence caches knows at one moment, copied: for tests, and for driving it beside a model.

Pages have numbers here, which mean nothing outside; `inspection` names them by what they are for.
"""

from __future__ import annotations

from attrs import frozen

from kvproof.impl.device.interface import Level
from kvproof.impl.sequence_caches.cache_steps import CacheSteps
from kvproof.impl.sequence_caches.config import SequenceCacheConfig
from kvproof.impl.sequence_caches.eviction_queues import GROUPS
from kvproof.impl.sequence_caches.kinds import Kind, Status
from kvproof.impl.sequence_caches.pages import NO_SLOT
from kvproof.impl.sequence_caches.prefix_tree import Node, Text


@frozen
class PageSnapshot:
    """A page that exists: where it is, `path` where it is committed (None while it is private), and how many have it."""

    group: int
    kind: Kind
    level: Level
    slot: int
    priority: int
    path: Text | None
    holds: int
    locks: int


@frozen
class CacheSnapshot:
    """An open cache; `cells` has the page of each place, NO_PAGE where there is none, `locked` whether it is locked.

    `blocks` is how many the capacity takes.
    """

    status: Status
    text: Text
    priority: int
    committed: int
    history: int
    capacity: int
    blocks: int
    stopped: bool
    scratch: int
    cells: tuple[int, ...]
    locked: tuple[bool, ...]


@frozen
class Snapshot:
    """The state of a manager between two operations.

    Attributes:
        config: sizes and policies.
        pages: those that exist, by number.
        caches: the open ones, by number.
        victims: per level and group, the pages that can be given up, next victim first.
        vacant: per level and group, how many slots nobody has.
    """

    config: SequenceCacheConfig
    pages: dict[int, PageSnapshot]
    caches: dict[int, CacheSnapshot]
    victims: dict[tuple[int, int], tuple[int, ...]]
    vacant: dict[tuple[int, int], int]


def take_snapshot(steps: CacheSteps) -> Snapshot:
    """What `steps` know now; takes time in proportion to all of it."""
    pages, paths = steps.pages, dict[Node, Text]()

    def path(node: Node) -> Text:
        if node not in paths:
            paths[node] = node.path()
        return paths[node]

    def page(number: int) -> PageSnapshot:
        node = pages.node[number]
        return PageSnapshot(
            pages.group[number],
            Kind(pages.kind[number]),
            Level(pages.level[number]),
            pages.slot[number],
            pages.priority[number],
            None if node is None else path(node),
            pages.holds[number],
            pages.locks[number],
        )

    places = [(level, group) for level in Level for group in steps.config.groups]
    return Snapshot(
        config=steps.config,
        pages={number: page(number) for number, slot in enumerate(pages.slot) if slot != NO_SLOT},
        caches={
            number: CacheSnapshot(
                cache.status,
                cache.text,
                cache.priority,
                cache.committed,
                cache.history,
                cache.capacity,
                steps.spans.blocks(cache.capacity),
                cache.stopped,
                len(cache.scratch),
                tuple(cache.cells),
                tuple([bool(locked) for locked in cache.locked]),
            )
            for number, cache in sorted(steps.caches.items())
        },
        victims={(level, group): tuple(steps.queues.victims(level * GROUPS + group)) for level, group in places},
        vacant={(level, group): len(pages.vacant[level][group]) for level, group in places},
    )
