"""Settings of the project's own tests. The suite itself is the plugin conformance.plugin, which is an entry point."""

try:
    from hypothesis import settings
except ModuleNotFoundError:
    pass  # a run of the suite does not need it
else:
    # No test may depend on how fast the machine is today.
    settings.register_profile("lastcall", deadline=None, print_blob=True)
    settings.load_profile("lastcall")
