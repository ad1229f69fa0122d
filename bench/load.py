"""Load generator wrk. Errors and unexpected response lengths raise, because they invalidate the results."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from statistics import mean

import httpx
from pydantic import BaseModel

# Longer than any response, so that slow responses count in the latencies and not as errors.
TIMEOUT = "60s"
# Relative tolerance of the mean response length.
TOLERANCE = 0.01
# A single call is set once, so that no Lua runs during the load. Several calls are sent in turn.
SINGLE = "wrk.method, wrk.path, wrk.headers, wrk.body = unpack(%s)"
SEVERAL = """
local calls, turn = {%s}, 0
init = function()
  for index, call in ipairs(calls) do calls[index] = wrk.format(call[1], call[2], call[3], call[4]) end
end
request = function()
  turn = turn %% #calls + 1
  return calls[turn]
end
"""
# wrk rounds the values of its own report, so this prints them as JSON.
REPORT = """
done = function(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\\n{"requests": %d, "seconds": %f, "bytes_read": %d, "errors": %d, "p50_ms": %f, "p99_ms": %f}\\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
"""


class UnexpectedResponseError(Exception):
    """Unexpected response of the API, which makes the measurement invalid."""


@dataclass(frozen=True)
class Call:
    """Request with its expected status code."""

    path: str
    status: HTTPStatus = HTTPStatus.OK
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None

    def in_lua(self) -> str:
        """Return the arguments of wrk.format as a Lua table."""
        headers = ", ".join(f"[{json.dumps(name)}] = {json.dumps(value)}" for name, value in self.headers.items())
        body = json.dumps(self.body) if self.body else "nil"
        return f"{{{json.dumps(self.method)}, {json.dumps(self.path)}, {{{headers}}}, {body}}}"


class Load(BaseModel):
    """Results of one run of wrk."""

    requests: int
    seconds: float
    bytes_read: int
    errors: int
    p50_ms: float
    p99_ms: float


def exit_without_wrk() -> None:
    """Exit with installation instructions if wrk is missing."""
    if not shutil.which("wrk"):
        sys.exit("wrk is not on the PATH. Install it with `apt install wrk` or `brew install wrk`.")


def load(http: httpx.Client, calls: Sequence[Call], connections: int, seconds: int) -> Load:
    """Send the calls in turn on all connections, and return the measurements.

    Args:
        http: Client of the service.
        calls: Requests.
        connections: Number of concurrent connections.
        seconds: Duration of the load.

    Raises:
        UnexpectedResponseError: A status code or the mean response length differs from the expected one.
    """
    lengths = [_response_bytes(http, call) for call in calls]
    length = mean(lengths)
    with tempfile.TemporaryDirectory(prefix="noisesweep-bench-") as folder:
        script = Path(folder) / "calls.lua"
        script.write_text(
            (SINGLE if len(calls) == 1 else SEVERAL) % ", ".join(call.in_lua() for call in calls) + REPORT
        )
        options = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", TIMEOUT, "-s", str(script)]
        command = ["wrk", "--latency", *options, str(http.base_url)]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603
    measured = Load.model_validate_json(printed.splitlines()[-1])
    # At the end, each connection may have read a part of one more response.
    fewest = (measured.requests * length - connections * (max(lengths) - length)) * (1 - TOLERANCE)
    most = (measured.requests + connections) * length * (1 + TOLERANCE)
    if not measured.requests or measured.errors or not fewest <= measured.bytes_read <= most:
        raise UnexpectedResponseError(
            f"Expected {length:g} bytes per response to {calls} and no errors, received:\n{printed}"
        )
    return measured


def _response_bytes(http: httpx.Client, call: Call) -> int:
    """Return the length of a response including its headers."""
    answer = http.request(call.method, call.path, headers=dict(call.headers), content=call.body)
    if answer.status_code != call.status:
        raise UnexpectedResponseError(f"{call}: expected {call.status:d}, received {answer.status_code}: {answer.text}")
    status_line = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
    head = [status_line, *(f"{name}: {value}" for name, value in answer.headers.multi_items()), "", ""]
    return len("\r\n".join(head)) + answer.num_bytes_downloaded
