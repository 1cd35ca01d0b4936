"""The stored results of a run: results.json, its schema, and the merge and comparison of several runs."""
