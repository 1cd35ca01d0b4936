"""Shows the progress of the plays while pytest captures output: on a terminal, in one line that is overwritten."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from lastcall.run import Progress


@contextlib.contextmanager
def progress_line(config: pytest.Config) -> Iterator[Callable[[Progress], None]]:
    """Yield a function that shows progress; without a terminal it shows nothing.

    The line begins below pytest's own line of the item, and its last state stays. pytest counts the columns of its own
    line, so it must go on in a new one.
    """
    reporter: pytest.TerminalReporter | None = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None or not reporter.isatty:
        yield lambda _progress: None
        return
    capture = config.pluginmanager.getplugin("capturemanager")
    uncaptured = capture.global_and_fixture_disabled if capture else contextlib.nullcontext
    shown = False

    def show(progress: Progress) -> None:
        nonlocal shown
        with uncaptured():
            if not shown:
                reporter.ensure_newline()
            reporter.rewrite(str(progress), erase=True)
            reporter.flush()
        shown = True

    yield show
    if shown:
        with uncaptured():
            reporter.line("")
