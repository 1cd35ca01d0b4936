"""The harness: the only place with processes, sockets and clocks."""
