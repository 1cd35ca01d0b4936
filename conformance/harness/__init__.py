"""The harness: the only room with processes, sockets and clocks."""
