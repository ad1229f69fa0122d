"""Names and hashes of API keys."""

import hashlib
import re

# Name of an API key. The service's configuration and its logs identify a key by this name.
KEY_NAME = re.compile(r"[A-Za-z0-9_.-]{1,32}")


def hash_api_key(key: str) -> str:
    """Return the SHA-256 of an API key in hexadecimal digits. Only hashes are stored.

    The hash needs no salt, because a key of 256 random bits cannot be guessed.
    """
    return hashlib.sha256(key.encode()).hexdigest()
