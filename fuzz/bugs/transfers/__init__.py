"""Bugs that are planted for the machine of transfers."""
