"""Measured claims: accuracy and speed, each a command (``python -m bench.decode``, ``bench.parse``, ...)."""
