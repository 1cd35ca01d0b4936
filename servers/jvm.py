"""What the servers on the JVM share: how their programs are built, identified and started. It is no server itself.

Each program is a profile of ``apps/java/pom.xml``, built by Maven with a JDK of 17 or later into a folder of its own.

SIGTERM (like SIGINT and SIGHUP) makes the JVM run its shutdown hooks, all at once, and exit with 128 plus the signal's
number when they have returned; a further signal changes nothing.
https://docs.oracle.com/en/java/javase/17/docs/api/java.base/java/lang/Runtime.html#addShutdownHook(java.lang.Thread)
"""

from __future__ import annotations

import re
import shutil
import signal
from typing import TYPE_CHECKING

from lastcall.servers.installation import CACHE

if TYPE_CHECKING:
    from lastcall.conformance.model.launch import Launch

EXIT_STATUSES = (128 + signal.SIGTERM,)
"""The exit status of a JVM after SIGTERM, whatever its hooks have done."""

SOURCES = ("apps/java",)
"""The folder that the programs are built from."""

_JAVA = shutil.which("java") or "java"
# A suite starts a JVM for each play: without the second compiler and with one collector's thread it boots sooner.
_OPTIONS = ("-XX:TieredStopAtLevel=1", "-Xshare:auto", "-XX:+UseSerialGC", "-Xmx128m")


def java(profile: str, program: str, *arguments: str) -> list[str]:
    """Return the command line of a profile's program."""
    folder = CACHE / "java" / profile
    return [_JAVA, *_OPTIONS, "-cp", f"{folder / 'classes'}:{folder / 'lib'}/*", f"lastcall.{program}", *arguments]


def launched(launch: Launch, *, drain_s: float | None = None) -> list[str]:
    """Return the arguments that ``apps/java/src/lastcall/shared/Launch.java`` reads; ``drain_s`` replaces the launch's own."""
    drain = "-" if launch.default_drain else launch.drain_s if drain_s is None else drain_s
    return [launch.host, str(launch.port), str(launch.protocol), str(drain), str(launch.cert), str(launch.key)]


def built(profile: str) -> str:
    """Return the shell command that builds a profile's program."""
    return f"sh apps/build_java.sh {profile}"


def version_of(profile: str, artifact: str) -> str | None:
    """Return the version in the name of an artifact's file; None if the program has not been built or there is no JVM."""
    if shutil.which(_JAVA) is None or not any((CACHE / "java" / profile / "classes").glob("lastcall/*.class")):
        return None
    files = (CACHE / "java" / profile / "lib").glob(f"{artifact}-*.jar")
    matches = (re.fullmatch(rf"{re.escape(artifact)}-(\d.*)\.jar", file.name) for file in files)
    return next((match[1] for match in matches if match), None)
