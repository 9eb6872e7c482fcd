"""Small machines, numbered, that show the language: LANGUAGE.md includes them, and a test runs each.

Each file declares its machine by `SHIPPED`, as one does for a machine of one's own: `kvproof check --machine module:Class`
takes it.
"""

STATES = {
    "ex01_counter": 4,
    "ex02_lamps": 4,
    "ex03_door": 3,
    "ex04_marks": 7,
    "ex05_seats": 73,
    "ex06_eviction": 19,
    "ex07_path": 5,
    "ex08_orders": 16,
    "ex09_holder": 3,
    "ex10_refill": 9,
    "ex11_choice": 4,
    "ex12_transfer": 3,
    "ex13_stairs": 9,
    "ex14_rounding": 3,
    "ex15_ghost": 9,
    "ex16_names": 10,
    "ex17_filter": 7,
    "ex18_recent": 5,
    "ex19_rank": 10,
    "ex20_late_refusal": 9,
    "ex21_variant": 8,
    "ex22_shelves": 4,
    "ex23_ring": 4,
    "ex24_scores": 13,
    "ex25_bus": 29,
}
"""The reachable states of each example at the sizes at which it is explored, interchangeable things not told apart."""
