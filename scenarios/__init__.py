"""Scenarios: every :class:`lastcall.conformance.model.scenario.Scenario` at a module's top level is played."""
