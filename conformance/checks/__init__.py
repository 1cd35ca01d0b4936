"""Checks: pure functions of (trace, limits) that answer kept, broken or cannot tell, with the events they rest on.

Each first says what must have happened before it can tell anything; then it searches for what breaks its promise; and
only then is the promise kept. Docstrings are report text, written for the author of a server.
"""
