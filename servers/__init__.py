"""Server adapters, one file for each server: every ``Server`` value at a module's top level is registered."""
