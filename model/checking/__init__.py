"""The checkers: bounded search, induction, exploration and theorems, and the verdicts that they give."""
