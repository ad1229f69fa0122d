"""Load from wrk, and answers that are what they should be: a figure made of errors would be worth nothing."""

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

# Longer than any answer takes: a slow answer is to be counted as slow, not as none.
TIMEOUT = "60s"
# How far the mean length of the answers may be from what it should be.
TOLERANCE = 0.01
# What wrk prints for people is rounded. Only `done` is defined, which runs at the end, so the load costs no Lua.
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
ROTATION = """
init = function()
  calls, turn = {%s}, 0
end
request = function()
  turn = turn %% #calls + 1
  return calls[turn]
end
"""


class UnexpectedAnswerError(Exception):
    """The API answered otherwise than it was asked to: there is nothing to measure."""


@dataclass(frozen=True)
class Call:
    """A request, and the status that its answer must have."""

    path: str
    status: HTTPStatus = HTTPStatus.OK
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | None = None


class Load(BaseModel):
    """What wrk has counted.

    Attributes:
        api_cpu_ms: Processor time of the API's process per request; 0 where nobody has measured it.
    """

    requests: int
    seconds: float
    bytes_read: int
    errors: int
    p50_ms: float
    p99_ms: float
    api_cpu_ms: float = 0.0

    @property
    def requests_per_second(self) -> float:
        """Answers that came, over the time that they took."""
        return self.requests / self.seconds


def refuse_without() -> None:
    """Exit with a line that says what to install if there is no wrk."""
    if not shutil.which("wrk"):
        sys.exit("There is no wrk on the PATH to make the load: `apt install wrk`, or `brew install wrk`.")


def load(http: httpx.Client, calls: Sequence[Call], connections: int, seconds: int) -> Load:
    """Send the calls in turn on so many connections for so long.

    Raises:
        UnexpectedAnswerError: The status of an answer was not its call's. A first request of each call shows it; under
            load wrk counts errors, and the bytes that came tell the rest: they must be as many as if each answer
            had been as long as the first one.
    """
    lengths = [_answer_bytes(http, call) for call in calls]
    length = mean(lengths)
    with tempfile.TemporaryDirectory(prefix="noisesweep-bench-") as folder:
        script = Path(folder) / "calls.lua"
        script.write_text(_lua(calls))
        options = ["-t", "1", "-c", str(connections), "-d", f"{seconds}s", "--timeout", TIMEOUT, "-s", str(script)]
        command = ["wrk", "--latency", *options, str(http.base_url)]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout  # noqa: S603
    measured = Load.model_validate_json(printed.splitlines()[-1])
    # At the end each connection may have read a part of an answer more, or a short one in its turn before a long one.
    fewest = measured.requests * length - connections * (max(lengths) - length)
    most = (measured.requests + connections) * length
    if not measured.requests or measured.errors or not _within(measured.bytes_read, fewest, most):
        raise UnexpectedAnswerError(
            f"Expected {length:g} bytes an answer from {[(call.path, call.status.value) for call in calls]}, and no "
            f"errors; received, says wrk:\n{printed}"
        )
    return measured


def _within(value: float, least: float, most: float) -> bool:
    return least * (1 - TOLERANCE) <= value <= most * (1 + TOLERANCE)


def _answer_bytes(http: httpx.Client, call: Call) -> int:
    """The length of the answer with its head, as it was on the wire."""
    answer = http.request(call.method, call.path, headers=dict(call.headers), content=call.body)
    if answer.status_code != call.status:
        raise UnexpectedAnswerError(f"{call}: expected {call.status:d}, received {answer.status_code}: {answer.text}")
    status_line = f"HTTP/1.1 {answer.status_code} {answer.reason_phrase}"
    head = [status_line, *(f"{name}: {value}" for name, value in answer.headers.multi_items()), "", ""]
    return len("\r\n".join(head)) + answer.num_bytes_downloaded


def _lua(calls: Sequence[Call]) -> str:
    if len(calls) > 1:
        return REPORT + ROTATION % ", ".join(f"wrk.format({_arguments(call)})" for call in calls)
    (call,) = calls
    fields = [f"wrk.method, wrk.path = {_text(call.method)}, {_text(call.path)}"]
    fields += [f"wrk.headers[{_text(name)}] = {_text(value)}" for name, value in call.headers.items()]
    if call.body is not None:
        fields.append(f"wrk.body = {_text(call.body)}")
    return "\n".join([*fields, REPORT])


def _arguments(call: Call) -> str:
    headers = ", ".join(f"[{_text(name)}] = {_text(value)}" for name, value in call.headers.items())
    return f"{_text(call.method)}, {_text(call.path)}, {{{headers}}}, {_text(call.body) if call.body else 'nil'}"


def _text(value: str) -> str:
    """A Lua string: as in JSON, as long as all is ASCII."""
    return json.dumps(value)
