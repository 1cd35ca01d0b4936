"""The engine of lastcall: plays shutdown timelines against HTTP servers, keeps traces, and judges them."""

__version__ = "0.1.0"
