"""Checks: pure functions of a trace and the limits that answer kept, broken or cannot tell, with the events they rest on.

Each check first names what must have happened before it can judge, then searches for what breaks its promise, and
answers kept at the end. Docstrings are report text, written for the author of a server.
"""
