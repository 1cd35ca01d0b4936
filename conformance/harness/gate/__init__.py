"""The gate, by which handlers are held and released, and the gated origin that stands behind a proxy."""
