"""Scenarios: every :class:`conformance.scenario.Scenario` at a module's top level is played."""
