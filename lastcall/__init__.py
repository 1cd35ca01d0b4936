"""The conformance suite for graceful shutdown of HTTP servers.

The package holds the command line and the pytest plugin. ``conformance``, ``servers``, ``scenarios`` and ``reports`` are
links to the folders of the repository: the project installs one package and no other name.
"""

__version__ = "0.1.0"
