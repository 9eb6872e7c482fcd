"""Lockstep of a specification and an implementation: generators, oracles, traces, replay, seeded bugs, command line."""
