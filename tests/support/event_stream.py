"""A subscriber to the API's event streams."""

import threading
from collections.abc import Mapping

import httpx

from noisesweep.models import Event
from tests.support.waiting import wait_until

HEARTBEAT = ": ping"


class EventStream:
    """Subscriber in a separate thread that parses server-sent events as in the HTML standard."""

    def __init__(
        self, http: httpx.Client, path: str, after: str | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        self.ids: list[str] = []
        self.types: list[str] = []
        self.events: list[Event] = []
        self.comments = 0
        self.status: int | None = None
        # A separate client: the stream ends only when the server ends it, even if `http` has been closed.
        self._request = (http.base_url.join(path), {**(headers or {}), **({"Last-Event-ID": after} if after else {})})
        self._thread = threading.Thread(target=self._follow)
        self._thread.start()

    def _follow(self) -> None:
        url, headers = self._request
        with httpx.stream("GET", url, headers=headers, timeout=30, trust_env=False) as response:
            self.status = response.status_code
            kind = ""
            for line in response.iter_lines():
                field, _, value = line.partition(": ")
                if field == "id":
                    self.ids.append(value)
                elif field == "event":
                    kind = value
                    self.types.append(value)
                elif field == "data" and kind != "closing":
                    self.events.append(Event.model_validate_json(value))
                self.comments += line == HEARTBEAT

    def end(self) -> None:
        """Wait until the server has ended the stream."""
        self._thread.join(30)
        assert not self._thread.is_alive()

    def wait_for(self, count: int) -> None:
        """Wait until `count` events have arrived."""
        wait_until(lambda: len(self.events) >= count)
