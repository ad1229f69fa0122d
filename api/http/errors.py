"""Errors of the HTTP layer itself. api/errors.py maps them to problem types."""


class InvalidKeyError(Exception):
    """A request came without an API key, or with an unknown one."""


class IdempotencyKeyReusedError(Exception):
    """An idempotency key was used for another request before."""


class IdempotencyKeyInUseError(Exception):
    """A request with the same idempotency key is in progress."""
