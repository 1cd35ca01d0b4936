"""The commands, one module each: the first line of its docstring is its help; it has ``add_arguments`` and ``run``.

``python -m lastcall`` looks into this package, so a new command is a new file here and nothing else.
"""


class CommandError(Exception):
    """A command cannot be carried out; the message says why and what to do."""
