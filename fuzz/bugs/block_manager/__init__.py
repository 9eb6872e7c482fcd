"""Bugs that are planted for the machine of the block manager."""
