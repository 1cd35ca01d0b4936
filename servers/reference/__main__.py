"""The start: ``python -m servers.reference``, whose options are in ``command.py``."""

import gc
import sys


def main() -> int:
    """Import the server, and run it."""
    # A suite starts a server for each play. Nearly all that a start costs is imports, and a sixth of that would be
    # the garbage collector, which finds nothing; command.py sets it to work before anything is served.
    gc.disable()
    from lastcall.servers.reference import command  # noqa: PLC0415 - what is not to be collected yet

    return command.main()


if __name__ == "__main__":
    sys.exit(main())
