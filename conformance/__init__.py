"""The engine of lastcall: plays shutdown timelines against HTTP servers, keeps traces, and judges them."""
