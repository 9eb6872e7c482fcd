"""What a KV-cache block manager may do: the machines, one folder each, and the language that they are written in."""
