"""Random machines over everything that the language has, and what holds their executions against each other.

From a seed: `machine_text` writes the source of a machine (`kinds`, `scope`, `expressions`, `iterables`, `statements`,
`declarations`, `methods`), `loaded` makes a module of it. `runs` holds the class run directly, the generated reference,
the circuit and the solvers against each other; `checkers` holds exploration, the bounded check and induction against
each other. `campaign` does it for many seeds, `smaller` takes out of a failing machine what it does not need.
"""
