"""The conformance suite for graceful shutdown of HTTP servers.

The package holds the command line and the pytest plugin. ``conformance``, ``servers``, ``scenarios`` and ``reports`` are
links to the folders of the repository: what is installed is one package, and no name of ours stands beside it.
"""

__version__ = "0.1.0"
