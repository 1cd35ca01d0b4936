"""The command line, as ``python -m lastcall``."""

from lastcall.conformance.__main__ import run

run()
