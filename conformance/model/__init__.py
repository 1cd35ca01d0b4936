"""Values that everything else speaks of: events and traces, timelines, scenarios, servers, verdicts. No clock, no socket."""
