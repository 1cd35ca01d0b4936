"""Scenarios: every :class:`lastcall.conformance.scenario.Scenario` at a module's top level is played."""
