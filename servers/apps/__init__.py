"""Test applications, one for each language or interface: see docs/gate.md."""
