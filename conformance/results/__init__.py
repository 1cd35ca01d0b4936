"""What is kept of a run: results.json, its schema, and what is made of several."""
