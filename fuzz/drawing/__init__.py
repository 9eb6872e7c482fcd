"""Draws cases: sizes, operations and their arguments, by a seeded walk or by Hypothesis."""
