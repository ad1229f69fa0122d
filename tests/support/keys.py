"""API keys of tests."""

from noisesweep.models import Role, hash_api_key
from shared.configured_keys import ConfiguredKey


def configured(*names: str, **roles: Role | str) -> dict[str, ConfiguredKey]:
    """Return the setting `api_keys` with members by name, and others with their role. The key of alice is ns_alice."""
    by_name = dict.fromkeys(names, Role.MEMBER) | {name: Role(role) for name, role in roles.items()}
    return {name: ConfiguredKey(hash_api_key(f"ns_{name}"), role) for name, role in by_name.items()}


def bearer(name: str) -> dict[str, str]:
    """Return the header with the key of this name."""
    return {"Authorization": f"Bearer ns_{name}"}


# The keys of a class.
CLASS = configured("alice", "bob", teacher="instructor", boss="admin", guest="viewer")
