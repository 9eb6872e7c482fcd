"""Writes references: a machine as a standalone module over plain lists and dicts, and what its values evidently are."""
