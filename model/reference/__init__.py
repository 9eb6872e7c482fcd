"""The generated references, one module a machine: standalone Python, written by `kvproof generate`."""
