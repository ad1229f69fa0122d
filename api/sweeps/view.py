"""The sweeps and runs that a caller may see."""

from api.keys.access import Sees
from api.limits import Limits
from api.sweeps.reader import SweepReader, SweepVersion, run_not_found, sweep_not_found
from api.sweeps.tagged import Tagged, find_tagged, read_tagged
from noisesweep.models import Run, Sweep


class SweepView:
    """Reader for one caller. Sweeps that the caller may not see do not exist for it.

    Every method raises SweepNotFoundError or RunNotFoundError if the sweep or run does not exist for the caller, and
    redis.exceptions.RedisError if the store does not respond.
    """

    def __init__(self, reader: SweepReader, sees: Sees) -> None:
        self._reader, self._sees = reader, sees

    async def sweep(self, sweep_id: str) -> Sweep:
        """Return a sweep."""
        sweep = await self._reader.sweep(sweep_id)
        if not self._sees(sweep_id, sweep.submitter):
            raise sweep_not_found(sweep_id)
        return sweep

    async def run(self, sweep_id: str, index: int) -> Run:
        """Return a run with all its epochs."""
        run = await self._reader.run(sweep_id, index)
        if not self._sees(sweep_id, run.submitter):
            raise run_not_found(sweep_id, index)
        return run

    async def version(self, sweep_id: str, index: int | None = None) -> SweepVersion:
        """Return the version of a sweep or of one of its runs."""
        version = await self._reader.version(sweep_id, index)
        if not self._sees(sweep_id, version.submitter):
            raise sweep_not_found(sweep_id) if index is None else run_not_found(sweep_id, index)
        return version

    async def submitter(self, sweep_id: str) -> str | None:
        """Return who submitted a sweep, also of one that cannot be read; None if it is not known."""
        submitter = await self._reader.submitter(sweep_id)
        if not self._sees(sweep_id, submitter):
            raise sweep_not_found(sweep_id)
        return submitter

    async def tagged(self, tag: str, limits: Limits) -> Tagged:
        """Return which sweeps have a tag."""
        return await find_tagged(self._reader, tag, limits, self._sees)

    async def read_tagged(self, tagged: Tagged) -> tuple[list[Sweep], Tagged]:
        """Read the sweeps that `tagged` has found. Return them, and what was read: without sweeps removed since."""
        return await read_tagged(self._reader, tagged)
