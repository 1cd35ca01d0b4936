"""The versions of a server that an expectation or a departure names, and whether the installed version is one of them.

A range of versions is written as in Python's packaging, and any other text is a version itself:

    >=2.8,<2.8.9          by number; also ==2.8.*, !=2.8.3, ~=2.8
    2.4.66-1~deb12u2      exactly this version
    go1.26.*              every version that begins with this
    (empty)               every version

Servers write their versions in many ways. A range compares the number at the beginning, after a "v" or a "go":
"v2.11.9" is 2.11.9, "2.4.4.Final" is 2.4.4. A version without a number is in no range.
"""

from __future__ import annotations

import re

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

_COMPARISON = re.compile(r"\s*[<>=!~]")
_NUMBERED = re.compile(r"(?:v|go)?(\d+(?:\.\d+)*)")


class VersionsError(ValueError):
    """A text names no versions; the message says how to write them."""


def check_versions(versions: str) -> None:
    """Raise :class:`VersionsError` unless the text is written as this module describes."""
    if _COMPARISON.match(versions):
        _range(versions)
    elif "," in versions or "*" in versions[:-1]:
        raise VersionsError(
            f"{versions!r} is neither a range such as '>=2.8,<2.8.9' nor one version such as '2.4.66-1~deb12u2'"
        )


def names_version(versions: str, installed: str) -> bool:
    """Return whether the installed version is one of these; an empty text names every version."""
    versions = versions.strip()
    if _COMPARISON.match(versions):
        number = _number(installed)
        # An installed pre-release is one of the versions too, unlike in packaging's default.
        return number is not None and _range(versions).contains(number, prereleases=True)
    if versions.endswith("*"):
        return installed.startswith(versions[:-1])
    return versions in ("", installed)


def _range(versions: str) -> SpecifierSet:
    try:
        return SpecifierSet(versions)
    except InvalidSpecifier as error:
        raise VersionsError(
            f"{versions!r} is no range of versions; one is written as '>=2.8,<2.8.9' or '==2.8.*'"
        ) from error


def _number(installed: str) -> Version | None:
    try:
        return Version(installed)
    except InvalidVersion:
        begins = _NUMBERED.match(installed)
        return Version(begins[1]) if begins else None
