"""Request rate, latency and memory of one API process, with the load generator on the same machine.

    sweep         GET a finished sweep
    not-modified  GET a finished sweep with If-None-Match
    post          POST sweeps of one run
    plot-cold     GET plots that are not in the cache, one after the other
    plot          GET one plot repeatedly
    streams       500 event streams on one sweep while epochs are committed
    memory        100,000 mixed requests; the memory may grow by at most 2 MB

Each scenario starts its own API, and its own store, which writes to disk. In `streams`, a request is an event on a
stream. Its latency is the time from commit to delivery. `API ms` is the CPU time of the API process per request.

`make bench-api` runs all scenarios in three minutes. `ARGS="--only sweep post --seconds 3"` runs a part of them.
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

from bench.load import Call, UnexpectedResponseError, exit_without_wrk, load
from bench.report import Goal, percentile, print_table, write_json
from bench.service import EPOCH_SECONDS, Service, run_paced, serve
from bench.streams import Delivery, listening
from noisesweep.local.launcher import exit_on_signals
from shared.store.keys import SWEEPS, SweepKeys

EPOCHS = 20
COLD_PLOTS = 30
# The warm-up sends a tenth of the requests. The memory is measured after the warm-up and at the end.
WARM_UP_DIVISOR = 10
# The allocator can keep this much freed memory: 20 bytes per request. A leak would be larger.
MAX_GROWTH_MEGABYTES = 2.0

Row = dict[str, object]


@dataclass(frozen=True)
class Options:
    """Duration and size of the loads, from the command line."""

    seconds: int
    connections: int
    streams: int
    requests: int


def row(name: str, rate: float, latencies: tuple[float, float], api_ms: float, goal: Goal | str = "") -> Row:
    """Return a row of the table. `latencies` are the 50th and 99th percentile in milliseconds."""
    p50, p99 = latencies
    return {"": name, "requests/s": rate, "p50 ms": p50, "p99 ms": p99, "API ms": api_ms, "goal": str(goal)}


def measure(service: Service, name: str, calls: Sequence[Call], options: Options, rate: float | None = None) -> Row:
    """Send the calls as fast as the connections allow. The goal is `rate` requests per second; None means no goal."""
    begun = service.api_cpu_seconds
    measured = load(service.http, calls, options.connections, options.seconds)
    per_second = measured.requests / measured.seconds
    api_ms = 1000 * (service.api_cpu_seconds - begun) / measured.requests
    goal = Goal(per_second, rate, at_least=True) if rate else ""
    return row(name, per_second, (measured.p50_ms, measured.p99_ms), api_ms, goal)


def conditional_call(service: Service, path: str) -> Call:
    """Return a call with the current ETag in If-None-Match."""
    etag = service.http.get(path).raise_for_status().headers["ETag"]
    return Call(path, HTTPStatus.NOT_MODIFIED, headers={"If-None-Match": etag})


def sweep(service: Service, options: Options) -> Row:
    """Measure GET of a finished sweep."""
    return measure(service, "GET sweep", [Call(f"/sweeps/{service.create_finished_sweep(EPOCHS)}")], options, rate=1200)


def not_modified(service: Service, options: Options) -> Row:
    """Measure GET of a sweep with the current ETag."""
    call = conditional_call(service, f"/sweeps/{service.create_finished_sweep(EPOCHS)}")
    return measure(service, "GET sweep, 304", [call], options, rate=2500)


def post(service: Service, options: Options) -> Row:
    """Measure POST of sweeps with one run. There is no worker, so the runs stay queued."""
    body = json.dumps({"scales": [0.5], "dataset": "digits"})
    call = Call("/sweeps", HTTPStatus.ACCEPTED, "POST", {"Content-Type": "application/json"}, body)
    measured = measure(service, "POST sweep", [call], options, rate=400)
    answered = round(cast("float", measured["requests/s"]) * options.seconds)
    stored = int(service.redis.zcard(SWEEPS))
    if stored < 0.95 * answered:
        raise UnexpectedResponseError(
            f"Expected about {answered} stored sweeps after {answered} POSTs, received {stored}."
        )
    return measured


def plot_cold(service: Service, _options: Options) -> Row:
    """Measure GET of plots that are not in the cache. Ignore the first request, which also loads fonts."""
    sweep_ids = [service.create_finished_sweep(epochs=1) for _ in range(1 + COLD_PLOTS)]
    latencies = []
    for number, sweep_id in enumerate(sweep_ids):
        if number == 1:
            begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        sent = time.perf_counter()
        answer = service.http.get(f"/sweeps/{sweep_id}/plot").raise_for_status()
        latencies.append(1000 * (time.perf_counter() - sent))
        if answer.headers["Content-Type"] != "image/png":
            raise UnexpectedResponseError(f"Expected a PNG, received {answer.headers['Content-Type']}.")
    seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
    p50, p99 = percentile(latencies[1:], 0.50), percentile(latencies[1:], 0.99)
    return row("GET plot, cold", COLD_PLOTS / seconds, (p50, p99), 1000 * cpu_seconds / COLD_PLOTS, Goal(p99, 200))


def plot(service: Service, options: Options) -> Row:
    """Measure GET of one plot, which is in the cache."""
    path = f"/sweeps/{service.create_finished_sweep(EPOCHS)}/plot"
    service.http.get(path).raise_for_status()  # draws it; the requests of all connections would be too many to wait
    return measure(service, "GET plot", [Call(path)], options)


def streams(service: Service, options: Options) -> Row:
    """Measure the delivery of events on many streams of one sweep.

    Raises:
        UnexpectedResponseError: A stream did not receive each event once and in order.
    """
    epochs = max(1, round(options.seconds / EPOCH_SECONDS))
    sweep_id = service.submit(epochs=epochs)
    with listening(cast("int", service.http.base_url.port), [sweep_id] * options.streams) as listener:
        begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        run_paced([service.simulate_training(epochs)])
        while not listener.poll(1):
            service.check()
        seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
        received: list[list[Delivery]] = listener.recv()
    entries = cast("list[tuple[str, object]]", service.redis.xrange(SweepKeys(sweep_id).events))
    expected = [event_id for event_id, _ in entries]
    for deliveries in received:
        if [event_id for event_id, _ in deliveries] != expected:
            raise UnexpectedResponseError(f"Expected the events {expected}, received {deliveries}.")
    # An event id starts with the time of the commit on the store's clock, in milliseconds.
    delays = [1000 * at - int(event_id.split("-")[0]) for deliveries in received for event_id, at in deliveries]
    p50, p99 = percentile(delays, 0.50), percentile(delays, 0.99)
    return row("events, one sweep", len(delays) / seconds, (p50, p99), 1000 * cpu_seconds / len(delays), Goal(p99, 100))


def memory(service: Service, options: Options) -> Row:
    """Measure the memory growth of the API process over many mixed requests."""
    path = f"/sweeps/{service.create_finished_sweep(EPOCHS)}"
    calls = [*[Call(path), conditional_call(service, path)] * 4, Call("/sweeps?limit=5"), Call("/healthz")]
    rate = send(service, calls, options.requests // WARM_UP_DIVISOR, 1000.0, options)
    before, begun, cpu_begun = service.api_megabytes, time.perf_counter(), service.api_cpu_seconds
    rate = send(service, calls, options.requests, rate, options)
    seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
    goal = Goal(service.api_megabytes - before, MAX_GROWTH_MEGABYTES)
    count = options.requests
    return row(
        f"mixed; grew {goal.measured:.1f} MB", count / seconds, (math.nan,) * 2, 1000 * cpu_seconds / count, goal
    )


def send(service: Service, calls: Sequence[Call], count: int, rate: float, options: Options) -> float:
    """Send at least `count` requests and return the last rate in requests per second.

    wrk sends for whole seconds, so several loads may be needed. The last rate predicts the duration of the next load.
    """
    done = 0
    while done < count:
        measured = load(service.http, calls, options.connections, max(1, math.ceil((count - done) / rate)))
        done, rate = done + measured.requests, measured.requests / measured.seconds
    return rate


SCENARIOS: dict[str, Callable[[Service, Options], Row]] = {
    "sweep": sweep,
    "not-modified": not_modified,
    "post": post,
    "plot-cold": plot_cold,
    "plot": plot,
    "streams": streams,
    "memory": memory,
}


def main() -> None:
    """Run the API benchmark, print a table and write the results as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.api", description=main.__doc__)
    names = list(SCENARIOS)
    parser.add_argument("--only", nargs="+", choices=names, default=names, metavar="NAME", help=", ".join(names))
    parser.add_argument("--seconds", type=int, default=10, help="duration of each load")
    parser.add_argument("--connections", type=int, default=64, help="connections of the load generator")
    parser.add_argument("--streams", type=int, default=500, help="number of open event streams")
    parser.add_argument("--requests", type=int, default=100_000, help="number of requests of the memory scenario")
    parser.add_argument("--out", type=Path, default=Path("bench-api.json"))
    arguments = parser.parse_args()
    options = Options(arguments.seconds, arguments.connections, arguments.streams, arguments.requests)

    exit_without_wrk()
    exit_on_signals()
    rows = {}
    for name in arguments.only:
        print(f"{name} ...", flush=True)
        with serve() as service:
            rows[name] = SCENARIOS[name](service, options)
    title = f"one API process, {os.cpu_count()} cores, {options.connections} connections, {options.seconds} s each"
    print_table(title, list(rows.values()))
    write_json(arguments.out, rows)


if __name__ == "__main__":
    main()
