"""Whether the bookkeeping of a manager is sound: the invariants S-1 to S-7, S-11 and S-14, by counting.

Written from what must be true, with loops over everything, and not from the code that keeps it true.
"""

from __future__ import annotations

from kvproof.impl.device.interface import Level
from kvproof.impl.sequence_caches.eviction_queues import GROUPS, NOT_QUEUED
from kvproof.impl.sequence_caches.index_rows import EMPTY_ENTRY
from kvproof.impl.sequence_caches.kinds import FULL, NO_PAGE, STATE, WINDOW, Status
from kvproof.impl.sequence_caches.manager import SequenceCaches
from kvproof.impl.sequence_caches.pages import NO_SLOT
from kvproof.impl.sequence_caches.sequence_cache import SequenceCache


def faults(manager: SequenceCaches) -> list[str]:
    """What is wrong between operations; empty for a sound manager."""
    found = []
    for cache in manager._steps.caches.values():
        found += _cache_faults(manager, cache)
    return found + _page_faults(manager) + _slot_faults(manager) + _tree_faults(manager) + _row_faults(manager)


def _cache_faults(manager: SequenceCaches, cache: SequenceCache) -> list[str]:
    config, pages = manager.config, manager._steps.pages
    tokens, found, active = config.tokens_per_block, [], cache.status is Status.ACTIVE
    if not cache.committed * tokens <= cache.history <= cache.capacity:
        found.append("S-1: lengths are out of order")
    blocks = -(-cache.capacity // tokens)
    stale_from = min(-(-cache.history // tokens), config.sink_blocks)
    stale_to = max(stale_from, (cache.history + 1 - config.window_tokens) // tokens)
    scratch = range(*manager._steps.spans.scratch(cache.history, cache.capacity))
    empty_in_scratch = 0
    for ordinal in range(config.blocks_max):
        page = cache.cells[ordinal]
        if (page != NO_PAGE) != (ordinal < blocks):
            found.append(f"S-2: FULL {ordinal} has page {page}, but there are {blocks} blocks")
        elif page != NO_PAGE and bool(cache.locked[ordinal]) != active:
            found.append(f"S-2: FULL {ordinal} is locked: {bool(cache.locked[ordinal])}")
        if page != NO_PAGE and (pages.node[page] is not None) != (ordinal < cache.committed):
            found.append(f"S-2: FULL {ordinal} is committed: {pages.node[page] is not None}")
        if not config.windows:
            continue
        page = cache.cells[config.blocks_max + ordinal]
        stale = stale_from <= ordinal < stale_to
        if page == NO_PAGE:
            empty_in_scratch += ordinal in scratch
            if ordinal < blocks and not stale and ordinal not in scratch:
                found.append(f"S-2: WINDOW {ordinal} is live, but empty")
        elif ordinal >= blocks:
            found.append(f"S-2: WINDOW {ordinal} has a page beyond the capacity")
        elif bool(cache.locked[config.blocks_max + ordinal]) != (active and not stale):
            found.append(f"S-2: WINDOW {ordinal} is locked: {not (active and not stale)}")
        elif stale and (cache.stopped or ordinal < cache.committed):
            found.append(f"S-2: WINDOW {ordinal} is kept for nothing (V2-18)")
    if config.has_state:
        state, snapshot = cache.cells[config.state_place :]
        if active and (state == NO_PAGE or not cache.locked[config.state_place] or snapshot != NO_PAGE):
            found.append(f"S-2: state {state}, snapshot {snapshot} while it is active")
    wanted = -(-empty_in_scratch // config.scratch_share) if active and config.scratch_share else 0
    if len(cache.scratch) != wanted:
        found.append(f"S-6: has {len(cache.scratch)} scratch slots, where {wanted} are needed")
    return [f"cache {cache.number}: {fault}" for fault in found]


def _page_faults(manager: SequenceCaches) -> list[str]:
    config, pages, handle = manager.config, manager._steps.pages, manager._steps.queues.handle
    found = []
    holds, locks = [0] * len(pages.group), [0] * len(pages.group)
    for cache in manager._steps.caches.values():
        for place, page in enumerate(cache.cells):
            if page != NO_PAGE:
                holds[page] += 1
                locks[page] += cache.locked[place]
    for page, slot in enumerate(pages.slot):
        group, level = pages.group[page], pages.level[page]
        if (holds[page], locks[page]) != (pages.holds[page], pages.locks[page]):
            found.append(
                f"page {page}: {holds[page]} hold and {locks[page]} lock it, {pages.holds[page]} and so on counted"
            )
        queued = handle[page] != NOT_QUEUED
        if slot == NO_SLOT:
            if queued or holds[page] or pages.node[page] is not None:
                found.append(f"page {page}: does not exist, but is queued, held or committed")
            continue
        if locks[page] and level:
            found.append(f"S-3: page {page}: locked on {Level(level).name}")
        below = level == Level.PRIMARY and config.slots_of(group)[Level.SECONDARY] > 0
        if not holds[page] and pages.node[page] is None:
            found.append(f"page {page}: private, and nobody has it")
        if queued != (not holds[page] or (not locks[page] and below)):
            found.append(
                f"S-4: page {page}: {holds[page]} holds, {locks[page]} locks, on {Level(level).name}, queued: {queued}"
            )
        if queued and handle[page] != (level * GROUPS + group) * config.priorities + pages.priority[page]:
            found.append(f"S-4: page {page}: in the queue of another level, group or priority")
    for queue, counted in enumerate(manager._steps.queues.counts):
        victims = list(manager._steps.queues.victims(queue))
        droppable = sum(1 for page in victims if not holds[page])
        if (len(victims), droppable) != (counted, manager._steps.queues.droppable[queue]):
            found.append(f"S-4: queue {queue}: {len(victims)} queued, {droppable} droppable, but others are counted")
    return found


def _slot_faults(manager: SequenceCaches) -> list[str]:
    config, pages = manager.config, manager._steps.pages
    found = []
    for group in config.groups:
        for level in Level:
            used = list(pages.vacant[level][group])
            used += [
                slot
                for page, slot in enumerate(pages.slot)
                if slot != NO_SLOT and pages.group[page] == group and pages.level[page] == level
            ]
            if group == manager._steps.window_group and level is Level.PRIMARY:
                used += [slot for cache in manager._steps.caches.values() for slot in cache.scratch]
            if sorted(used) != list(range(config.slots_of(group)[level])):
                found.append(f"S-5: group {group}, {level.name}: slots {sorted(used)} are vacant or owned")
        for cache in manager._steps.caches.values():
            if cache.status is not Status.ACTIVE and (cache.scratch or any(cache.locked)):
                found.append(f"S-6: cache {cache.number}: is {cache.status.name} with scratch slots or locks")
    return found


def _tree_faults(manager: SequenceCaches) -> list[str]:
    pages, tree = manager._steps.pages, manager._steps.tree
    found = []
    in_tree = set()
    for node in tree.subtree(tree.root):
        if node is tree.root:
            continue
        if node.pages[FULL] == NO_PAGE:
            found.append(f"S-11: a block at {node.path()} without a FULL page")
        for kind in (FULL, WINDOW, STATE):
            page = node.pages[kind]
            if page != NO_PAGE:
                in_tree.add(page)
                if pages.node[page] is not node or pages.kind[page] != kind:
                    found.append(f"S-11: page {page} does not know that it is at {node.path()}")
    found += [
        f"S-11: page {page} is committed where nothing finds it"
        for page, node in enumerate(pages.node)
        if node is not None and page not in in_tree
    ]
    for cache in manager._steps.caches.values():
        tip = tree.root
        for chunk in cache.text[: cache.committed]:
            tip = tip.children.get(chunk, tree.root)
        if tip is not cache.tip or len(tip.path()) != cache.committed:
            found.append(f"S-11: cache {cache.number}: its committed text is not in the tree")
    return found


def _row_faults(manager: SequenceCaches) -> list[str]:
    rows, pages = manager.rows, manager._steps.pages
    found = []
    for row, owner in enumerate(rows.owner):
        wanted = [EMPTY_ENTRY] * manager.config.places
        if owner is not None and owner in manager._steps.caches:
            cache = manager._steps.caches[owner]
            for place, locked in enumerate(cache.locked):
                if locked:
                    wanted[place] = pages.slot[cache.cells[place]]
        if rows.table[row].tolist() != wanted:
            found.append(f"S-7: row {row} of cache {owner} does not name the slots that it has locked")
    return found
