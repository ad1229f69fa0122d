"""Errors of operations on API keys. api/errors.py maps them to problem types."""


class NotAllowedError(Exception):
    """The role of the API key does not permit the operation, or the sweep or data set belongs to another key."""


class UnknownKeyNameError(Exception):
    """No API key has this name."""


class KeyConflictError(Exception):
    """An API key cannot be created or revoked, for example because its name is taken."""
