"""Server adapters, one file each: every :class:`lastcall.conformance.server.Server` at a module's top level is a server."""
