"""Server adapters, one file each: every :class:`conformance.server.Server` at a module's top level is a server."""
