"""Errors of operations on API keys. api/errors.py maps them to problem types."""


class NotAllowedError(Exception):
    """The role of the API key does not permit the operation, or the sweep or data set belongs to another key."""


class UnknownKeyNameError(Exception):
    """No API key has this name."""


class UnknownQuotaError(Exception):
    """No quota was set for this role or key."""


class KeyConflictError(Exception):
    """An API key or quota cannot be created or removed, for example because its name is taken."""
