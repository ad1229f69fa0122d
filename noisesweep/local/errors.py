"""Error of the launcher."""


class LaunchError(Exception):
    """Failure to start the service, or to start one of its processes again."""
