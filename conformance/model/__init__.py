"""The values that all other rooms use: events and traces, timelines, scenarios, servers, verdicts. No clock, no socket."""
