"""Permissions of a request: what its API key may see and change."""

from collections.abc import Callable
from dataclasses import dataclass

from api.keys.errors import NotAllowedError
from noisesweep.models import Caller, Role
from shared.settings import Visibility

# Returns whether a caller may see a sweep, given its id and its submitter: the name of a key, or None.
Sees = Callable[[str, str | None], bool]


@dataclass(frozen=True)
class Access:
    """Permissions of a caller. A submitter is the name of the key that a sweep or data set was submitted with.

    Attributes:
        caller: Who sends the request.
        visibility: Whose sweeps members and viewers see.
    """

    caller: Caller
    visibility: Visibility

    def may_see(self, sweep_id: str, submitter: str | None) -> bool:
        """Return whether the caller may see a sweep that a key has submitted."""
        if self.caller.only_sweep is not None:
            return sweep_id == self.caller.only_sweep
        return self.visibility is Visibility.EVERYONE or self._manages(submitter)

    def check_change(self, submitter: str | None) -> None:
        """Raise NotAllowedError unless the caller may change what a key has submitted."""
        self.check_submission()
        if not self._manages(submitter):
            whose = f"the key {submitter}" if submitter else "a service without keys"
            raise NotAllowedError(
                f"This was submitted by {whose}. Only this key, an instructor and an administrator may change it."
            )

    def check_submission(self) -> None:
        """Raise NotAllowedError unless the caller may submit sweeps and data sets."""
        if self.caller.role is Role.VIEWER:
            what = "A share link" if self.caller.only_sweep else "A key with the role viewer"
            raise NotAllowedError(f"{what} can only read.")

    def check_key(self) -> None:
        """Raise NotAllowedError for a share link, which shows nothing but its sweep."""
        if self.caller.only_sweep is not None:
            raise NotAllowedError("A share link shows one sweep, and nothing else of this service.")

    def check_dataset(self, name: str) -> None:
        """Raise NotAllowedError unless the caller may see this data set."""
        if name != self.caller.only_dataset:
            self.check_key()

    def check_role(self, *roles: Role) -> None:
        """Raise NotAllowedError unless the caller has one of the roles."""
        if self.caller.role not in roles:
            raise NotAllowedError(
                f"This needs a key with the role {' or '.join(roles)}. This key has the role {self.caller.role}."
            )

    def _manages(self, submitter: str | None) -> bool:
        return self.caller.role.manages_all_sweeps or (bool(submitter) and submitter == self.caller.name)
