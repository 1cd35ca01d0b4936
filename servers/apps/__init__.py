"""Test applications, one for every language or interface; docs/gate.md describes their protocol."""
