"""The stage: the only place with processes, sockets and clocks."""
