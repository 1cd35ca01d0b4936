"""A model of a graceful shutdown: a small ASGI server for HTTP/1.1 and HTTP/2, written to be read."""
