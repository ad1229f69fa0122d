"""API keys in the setting NOISESWEEP_API_KEYS."""

import re
from typing import NamedTuple

from noisesweep.models import KEY_NAME, Role

_API_KEY = re.compile(rf"({KEY_NAME.pattern}):([0-9a-f]{{64}})(?::({'|'.join(Role)}))?")


class ConfiguredKey(NamedTuple):
    """API key in the settings.

    Attributes:
        sha256: SHA-256 of the key, in hexadecimal digits.
        role: Permissions of the key.
    """

    sha256: str
    role: Role = Role.MEMBER


def parse_api_keys(text: str) -> dict[str, ConfiguredKey]:
    """Return the keys by name from NAME:SHA256 or NAME:SHA256:ROLE for each key, separated by commas.

    Raises:
        ValueError: An entry has another form, a name is repeated, or there is no entry.
    """
    keys: dict[str, ConfiguredKey] = {}
    for entry in filter(None, map(str.strip, text.split(","))):
        match = _API_KEY.fullmatch(entry)
        if not match:
            raise ValueError(
                "expected NAME:SHA256 or NAME:SHA256:ROLE for each key, with 64 hexadecimal digits and the role "
                f"{', '.join(Role)}; create one with `noisesweep key`"
            )
        if match[1] in keys:
            raise ValueError(f"duplicate key name: {match[1]}")
        keys[match[1]] = ConfiguredKey(match[2], Role(match[3] or Role.MEMBER))
    if not keys:
        raise ValueError("expected at least one key; leave the variable unset to run without keys")
    return keys
