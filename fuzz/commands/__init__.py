"""The commands of `kvproof`, one module each; a module's `command` is the click command."""
