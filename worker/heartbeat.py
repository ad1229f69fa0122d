"""Thread that renews the leases of a claim during training and reads their state."""

import contextvars
import threading
from types import TracebackType
from typing import Self

from celery.utils.log import get_logger
from redis.exceptions import RedisError

from shared.settings import Settings
from worker.claims import Claim
from worker.leases import Leases, LeaseState

logger = get_logger(__name__)

# Maximum interval between two requests. A cancelled run ends within about this time plus one chunk of training.
POLL_SECONDS = 1.0


class Heartbeat:
    """Background renewal of a claim's leases until the `with` block ends.

    Each beat reads the state of the leases. The store extends a lease only after a sixth of it has passed. During an
    outage of the store, the last known states remain. After it, the next beat renews the leases, or reads that they are
    lost.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings) -> None:
        self._claim = claim
        self._leases = leases
        self._poll_seconds = min(POLL_SECONDS, settings.lease_seconds / 6)
        self._states = {run.index: LeaseState.HELD for run in claim.runs}
        self._done = threading.Event()
        # The thread gets a copy of this context, so that its log lines name the sweep and the request.
        context = contextvars.copy_context()
        self._thread = threading.Thread(target=context.run, args=(self._beat,), name="heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def state(self, index: int) -> LeaseState:
        """Return the state of a run's lease from the store's last answer."""
        return self._states[index]

    def _beat(self) -> None:
        while not self._done.is_set():
            try:
                self._states = self._leases.renew(self._claim)
            except RedisError as error:
                logger.warning("Sweep %s: could not renew the leases: %s", self._claim.sweep_id, error)
            self._done.wait(self._poll_seconds)
