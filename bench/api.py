"""One process of the API under load on loopback, beside the load generator: rates, latencies, streams, memory.

    sweep, not-modified, post     GET a finished sweep, the same with If-None-Match, POST a sweep of one run
    plot-cold, plot               GET plots that were not drawn before, one after the other; GET one plot repeatedly
    streams                       500 event streams on one sweep while epochs are committed as workers commit them
    memory                        100,000 mixed requests: whether the process grows

Each has a durable store and an API of its own. For streams, a request is an event on a stream, and its latency the time
from commit to delivery. `API ms` is the processor time of the API's process per request. Run it by `make bench-api`,
which takes three minutes; `ARGS="--only sweep post --seconds 3"` shortens it.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import cast

from bench.load import Call, UnexpectedAnswerError, exit_without_wrk, load
from bench.report import Goal, percentile, print_table, write_json
from bench.service import EPOCH_SECONDS, Service, paced, serve
from bench.streams import Delivery, listening
from noisesweep.local.launcher import exit_on_signals
from shared.store.keys import SWEEPS, SweepKeys

EPOCHS = 20
COLD_PLOTS = 30
# Memory is read after a tenth of the requests, as a warm-up, and at the end.
WARM_UP_SHARE = 10
# Noise of the allocator. Anything kept per request would be more: this is 20 bytes.
STEADY_MEGABYTES = 2.0

Row = dict[str, object]


@dataclass(frozen=True)
class Options:
    """Duration and intensity of a load."""

    seconds: int
    connections: int
    streams: int
    requests: int


def row(name: str, rate: float, latencies: tuple[float, float], api_ms: float, goal: Goal | str = "") -> Row:
    """Return a line of the table; latencies are p50 and p99 in milliseconds."""
    p50, p99 = latencies
    return {"": name, "requests/s": rate, "p50 ms": p50, "p99 ms": p99, "API ms": api_ms, "goal": str(goal)}


def under_load(service: Service, name: str, calls: Sequence[Call], options: Options, rate: float | None = None) -> Row:
    """Send the calls as fast as the connections allow; `rate` is the wanted number of requests per second."""
    begun = service.api_cpu_seconds
    measured = load(service.http, calls, options.connections, options.seconds)
    per_second = measured.requests / measured.seconds
    api_ms = 1000 * (service.api_cpu_seconds - begun) / measured.requests
    goal = Goal(per_second, rate, at_least=True) if rate else ""
    return row(name, per_second, (measured.p50_ms, measured.p99_ms), api_ms, goal)


def known(service: Service, path: str) -> Call:
    """Return the call of a client that has the newest version."""
    etag = service.http.get(path).raise_for_status().headers["ETag"]
    return Call(path, HTTPStatus.NOT_MODIFIED, headers={"If-None-Match": etag})


def sweep(service: Service, options: Options) -> Row:
    """GET a sweep."""
    return under_load(service, "GET sweep", [Call(f"/sweeps/{service.finished(EPOCHS)}")], options, rate=1200)


def not_modified(service: Service, options: Options) -> Row:
    """GET a sweep that the client has."""
    call = known(service, f"/sweeps/{service.finished(EPOCHS)}")
    return under_load(service, "GET sweep, 304", [call], options, rate=2500)


def post(service: Service, options: Options) -> Row:
    """POST sweeps of one run, which all wait."""
    body = json.dumps({"scales": [0.5], "dataset": "digits"})
    call = Call("/sweeps", HTTPStatus.ACCEPTED, "POST", {"Content-Type": "application/json"}, body)
    measured = under_load(service, "POST sweep", [call], options, rate=400)
    answered = round(cast("float", measured["requests/s"]) * options.seconds)
    stored = int(service.redis.zcard(SWEEPS))
    if stored < 0.95 * answered:
        raise UnexpectedAnswerError(f"About {answered} POSTs were answered with 202, and {stored} sweeps are stored.")
    return measured


def plot_cold(service: Service, _options: Options) -> Row:
    """GET plots that were not drawn before, on one connection. The process's first also loads fonts and is left out."""
    sweep_ids = [service.finished(epochs=1) for _ in range(1 + COLD_PLOTS)]
    latencies = []
    for number, sweep_id in enumerate(sweep_ids):
        if number == 1:
            begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        asked = time.perf_counter()
        answer = service.http.get(f"/sweeps/{sweep_id}/plot").raise_for_status()
        latencies.append(1000 * (time.perf_counter() - asked))
        if answer.headers["Content-Type"] != "image/png":
            raise UnexpectedAnswerError(f"Expected a PNG, received {answer.headers['Content-Type']}.")
    seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
    p50, p99 = percentile(latencies[1:], 0.50), percentile(latencies[1:], 0.99)
    return row("GET plot, cold", COLD_PLOTS / seconds, (p50, p99), 1000 * cpu_seconds / COLD_PLOTS, Goal(p99, 200))


def plot(service: Service, options: Options) -> Row:
    """GET one plot repeatedly."""
    return under_load(service, "GET plot", [Call(f"/sweeps/{service.finished(EPOCHS)}/plot")], options)


def streams(service: Service, options: Options) -> Row:
    """Open many streams on one sweep, commit epochs, and compare every stream with the store's record.

    Raises:
        UnexpectedAnswerError: A stream did not get each event once and in order.
    """
    epochs = max(1, round(options.seconds / EPOCH_SECONDS))
    sweep_id = service.submit(epochs=epochs)
    with listening(cast("int", service.http.base_url.port), [sweep_id] * options.streams) as listener:
        begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        paced([service.training(sweep_id, epochs)])
        while not listener.poll(1):
            service.check()
        seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
        received: list[list[Delivery]] = listener.recv()
    entries = cast("list[tuple[str, object]]", service.redis.xrange(SweepKeys(sweep_id).events))
    happened = [event_id for event_id, _ in entries]
    for deliveries in received:
        if [event_id for event_id, _ in deliveries] != happened:
            raise UnexpectedAnswerError(f"The store has the events {happened}; a stream sent {deliveries}")
    # An id starts with the milliseconds of the store's clock at the commit.
    delays = [1000 * at - int(event_id.split("-")[0]) for deliveries in received for event_id, at in deliveries]
    p50, p99 = percentile(delays, 0.50), percentile(delays, 0.99)
    return row("events, one sweep", len(delays) / seconds, (p50, p99), 1000 * cpu_seconds / len(delays), Goal(p99, 100))


def memory(service: Service, options: Options) -> Row:
    """Send mixed requests until there were very many, and compare the process's memory."""
    path = f"/sweeps/{service.finished(EPOCHS)}"
    calls = [*[Call(path), known(service, path)] * 4, Call("/sweeps?limit=5"), Call("/healthz")]
    rate = send(service, calls, options.requests // WARM_UP_SHARE, 1000.0, options)
    before, begun, cpu_begun = service.api_megabytes, time.perf_counter(), service.api_cpu_seconds
    rate = send(service, calls, options.requests, rate, options)
    seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
    goal = Goal(service.api_megabytes - before, STEADY_MEGABYTES)
    count = options.requests
    return row(
        f"mixed; grew {goal.measured:.1f} MB", count / seconds, (math.nan,) * 2, 1000 * cpu_seconds / count, goal
    )


def send(service: Service, calls: Sequence[Call], count: int, rate: float, options: Options) -> float:
    """Send at least `count` requests, in bursts as long as the last rate suggests; return the rate."""
    done = 0
    while done < count:
        measured = load(service.http, calls, options.connections, max(1, math.ceil((count - done) / rate)))
        done, rate = done + measured.requests, measured.requests / measured.seconds
    return rate


SCENES: dict[str, Callable[[Service, Options], Row]] = {
    "sweep": sweep,
    "not-modified": not_modified,
    "post": post,
    "plot-cold": plot_cold,
    "plot": plot,
    "streams": streams,
    "memory": memory,
}


def main() -> None:
    """Measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=main.__doc__)
    names = list(SCENES)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seconds", type=int, default=10, help="how long each load lasts")
    parser.add_argument("--connections", type=int, default=64, help="of the load generator")
    parser.add_argument("--streams", type=int, default=500, help="event streams that are open at a time")
    parser.add_argument("--requests", type=int, default=100_000, help="over which memory must not grow")
    parser.add_argument("--out", type=Path, default=Path("bench-api.json"))
    arguments = parser.parse_args()
    options = Options(arguments.seconds, arguments.connections, arguments.streams, arguments.requests)

    exit_without_wrk()
    exit_on_signals()
    rows = {}
    for name in arguments.only:
        print(f"{name} ...", flush=True)
        with serve() as service:
            rows[name] = SCENES[name](service, options)
    title = f"one API process, {os.cpu_count()} cores, {options.connections} connections, {options.seconds} s each"
    print_table(title, list(rows.values()))
    write_json(arguments.out, rows)


if __name__ == "__main__":
    main()
