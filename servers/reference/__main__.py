"""The entry point of ``python -m lastcall.servers.reference``; ``command.py`` reads its options."""

import gc
import sys


def main() -> int:
    """Import the server and run it; return its exit status."""
    # A suite starts a server for each play. Nearly all the cost of a start is imports, and the garbage collector would
    # add a sixth to it and find nothing. command.py turns it on again before the server serves anything.
    gc.disable()
    from lastcall.servers.reference import command  # noqa: PLC0415 - it must come after gc.disable()

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
