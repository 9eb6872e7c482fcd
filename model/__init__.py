"""Everything that is derived from the machines of `kvproof.spec`: references, symbolic systems, checkers, documents."""
