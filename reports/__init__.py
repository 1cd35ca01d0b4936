"""Reports, drawn from results alone."""
