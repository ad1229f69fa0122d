"""Errors of the HTTP layer itself. api/errors.py maps them to problem types."""


class InvalidKeyError(Exception):
    """The API key of a request is missing or unknown."""


class TooBusyError(Exception):
    """Too many requests wait for the same expensive work, in all or with one API key."""


class ClientDisconnectedError(Exception):
    """The client disconnected before its answer was complete."""
