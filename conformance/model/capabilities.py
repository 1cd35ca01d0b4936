"""A capability of a server: what its adapter declares, beside what the capability probe found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Capability:
    """A protocol or a feature that a server may have. ``detail`` says why it was not found, if that is known."""

    what: str
    declared: bool
    found: bool
    detail: str = ""

    @property
    def contradicted(self) -> str:
        """How the adapter and the server differ; empty if they agree."""
        if self.declared and not self.found:
            return f"{self.what} is declared and was not found" + (f": {self.detail}" if self.detail else "")
        if self.found and not self.declared:
            return f"{self.what} was found and is not declared"
        return ""
