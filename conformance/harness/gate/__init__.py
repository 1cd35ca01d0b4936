"""The gate, which holds and releases handlers, and the gated origin behind a proxy."""
