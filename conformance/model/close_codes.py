"""The codes of a WebSocket's Close frame (RFC 6455 §7.4)."""

LOWEST, HIGHEST = 1000, 4999
LOCAL_ONLY = (1005, 1006, 1015)
"""These inform an application of what its own side saw, and no endpoint sends them."""


def may_be_sent(code: int) -> bool:
    """Return whether an endpoint may set this code in a Close frame."""
    return LOWEST <= code <= HIGHEST and code not in LOCAL_ONLY
