"""telemock: point any product at it and see exactly what it phones home."""

__version__ = "0.1.0"
