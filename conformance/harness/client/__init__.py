"""The clients of a play: their transports, their connections, and the loads that run beside the timeline."""
