"""Mutants of machines, and whether a proof notices them."""
