"""Reports, drawn from results alone: results.json and the traces that it refers to."""
