"""`python -m kvproof`: the same as the command `kvproof`."""

from kvproof.fuzz.command_line import main

if __name__ == "__main__":
    main()
