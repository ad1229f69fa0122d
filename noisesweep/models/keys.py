"""API keys: how they are named and hashed."""

import hashlib
import re

# The name of an API key's holder, in the service's configuration and in its logs.
KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")


def hash_api_key(key: str) -> str:
    """Return the SHA-256 of an API key in hexadecimal digits; only hashes are stored.

    A key has 256 random bits, so an unsalted hash cannot be searched.
    """
    return hashlib.sha256(key.encode()).hexdigest()
