"""The output of a program: all of it is read, and its beginning and its end are kept in the trace."""

from __future__ import annotations

import asyncio
import os
from typing import IO, TYPE_CHECKING

from lastcall.conformance.model.server_events import OutputDropped, OutputWritten
from lastcall.conformance.model.words import printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lastcall.conformance.harness.recorder import Recorder

_LONGEST = 300


class Output:
    """Reads one of the server's output streams to its end, and keeps its first and last lines.

    A server that floods must neither block on a full pipe nor fill the trace: ``KEEP`` bytes are kept at the beginning and
    at the end each, and of the rest only the number.

    What is recorded only when the stream ends (the end of a flood, a last line without a newline) may have been written long
    before: its span begins where the first of it was read.
    """

    KEEP = 32_768

    def __init__(self, name: str, stream: IO[bytes], recorder: Recorder) -> None:
        self.name = name
        self._file = stream
        self._recorder = recorder
        self._partial = b""
        self._held_since_ns = 0
        """The earliest moment of what was read and is not recorded yet; 0 if there is nothing."""
        self._kept = 0
        self._tail = bytearray()
        self._dropped = 0
        os.set_blocking(stream.fileno(), False)
        asyncio.get_running_loop().add_reader(stream.fileno(), self._readable)

    def _readable(self) -> bool:
        """Read once, and return whether more may be available now."""
        try:
            data = os.read(self._file.fileno(), 262_144)
        except BlockingIOError:
            return False
        if not data:
            self.close()
        elif self._kept < self.KEEP:
            self._kept += len(data)
            *lines, self._partial = (self._partial + data).split(b"\n")
            self._record(lines)
            # The newline is the end of a line, so what is left was begun in this read unless it goes on.
            if lines or not self._held_since_ns:
                self._held_since_ns = self._recorder.earliest_ns if self._partial else 0
        else:
            self._held_since_ns = self._held_since_ns or self._recorder.earliest_ns
            self._tail += data
            excess = max(0, len(self._tail) - self.KEEP)
            self._dropped += excess
            del self._tail[:excess]
        return bool(data)

    def _record(self, lines: Sequence[bytes], since_ns: int = 0) -> None:
        shown = (line[:2000].decode("utf-8", "backslashreplace").rstrip("\r") for line in lines)
        self._recorder.seen(*(OutputWritten(self.name, text) for text in shown), since_ns=since_ns)

    def catch_up(self) -> None:
        """Read what is in the pipe now. The number of reads is bounded, since a flood does not end."""
        for _read in range(64):
            if self._file.closed or not self._readable():
                return

    def drain(self) -> None:
        """Read what is in the pipe now, as :meth:`catch_up` does, and stop."""
        self.catch_up()
        self.close()

    def close(self) -> None:
        """Stop reading, and record the end that was kept."""
        if self._file.closed:
            return
        asyncio.get_running_loop().remove_reader(self._file.fileno())
        self._file.close()
        if self._dropped:
            self._recorder.seen(OutputDropped(self.name, self._dropped), since_ns=self._held_since_ns)
        rest = (self._partial + bytes(self._tail)).split(b"\n")
        self._record([line for line in rest if line], self._held_since_ns)


def last_output(recorder: Recorder, stream: str = "") -> str:
    """Return the end of a sentence about the last line that was printed, on any stream or on this one."""
    written = [event for event in recorder.trace.of(OutputWritten) if stream in ("", event.stream)]
    lines = [event.text.strip() for event in written if event.text.strip()]
    if not lines:
        return "; it printed nothing"
    # Colours and other control sequences are shown as text: a terminal must not obey them.
    return f"; its last output: {printable(lines[-1][:_LONGEST])}"
