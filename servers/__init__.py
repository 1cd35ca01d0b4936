"""Server adapters, one file each: every :class:`~lastcall.conformance.model.server.Server` at a module's top level is one."""
