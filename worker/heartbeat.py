"""A claim kept alive while it is trained, by a thread that also learns what is asked of its runs."""

import contextvars
import threading
import time
from types import TracebackType
from typing import Self

from celery.utils.log import get_logger
from redis.exceptions import RedisError

from shared.settings import Settings
from worker.leases import Claim, Leases, LeaseState

logger = get_logger(__name__)

# How often the store is asked, at most: a cancelled run ends within about this time and a chunk.
ASK_SECONDS = 1.0


class Heartbeat:
    """Renews a claim from its making until the end of the `with`, while the thread that trains is busy.

    The lease itself is renewed when a sixth of it has passed; between, the store is only asked.
    """

    def __init__(self, claim: Claim, leases: Leases, settings: Settings) -> None:
        self._claim = claim
        self._leases = leases
        self._ask_seconds = min(ASK_SECONDS, settings.lease_seconds / 6)
        self._trust_seconds = settings.lease_seconds * 2 / 3
        self._renewed_at = time.monotonic()
        self._states = {run.index: LeaseState.HELD for run in claim.runs}
        self._done = threading.Event()
        # In this context, so that its log lines say what they belong to.
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
        """Return the state of a run's lease as of the last time the store answered."""
        return self._states[index]

    @property
    def stopped(self) -> bool:
        """Whether two thirds of the lease passed without an answer, so that nothing more is to be written."""
        return time.monotonic() - self._renewed_at > self._trust_seconds

    def _beat(self) -> None:
        while not self._done.is_set():
            asked_at = time.monotonic()
            try:
                self._states = self._leases.renew(self._claim)
                self._renewed_at = asked_at
            except RedisError as error:
                logger.warning("Sweep %s: the lease could not be renewed: %s", self._claim.sweep_id, error)
            self._done.wait(self._ask_seconds)
