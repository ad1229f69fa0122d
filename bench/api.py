"""What one process of the API bears, on loopback, beside the load generator: rates, latencies, streams, memory.

    sweep, not-modified, post     GET a finished sweep, the same with If-None-Match, POST a sweep of one run
    plot-cold                     GET plots that nobody has asked for before, one after the other
    plot, plot-not-modified       GET one plot again and again, and with If-None-Match
    streams, streams-spread       500 event streams on one sweep, or half on one and half on fifty others, while epochs
                                  are committed as workers commit them
    streams-training              500 event streams on a sweep that a worker trains with all cores
    memory                        100,000 mixed requests: whether the process grows

Each has a store, durable as the product's, and an API of its own. Where streams are measured, a request is an event on
a stream, and its latency the time from commit to delivery. `API ms` is the processor time of the API's process per
request, which what else runs on the machine disturbs least. Run it by `make bench-api`, which takes four minutes;
`ARGS="--only sweep post --seconds 3"` shortens it.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from http import HTTPStatus
from itertools import chain, cycle, islice
from pathlib import Path
from typing import cast

from bench import data, wrk
from bench.service import EPOCH_SECONDS, Service, paced, serve
from bench.streams import Delivery, listening
from bench.table import Row, Wanted, percentile, print_head, print_row
from bench.wrk import Call, Load, UnexpectedAnswerError
from noisesweep.local.launcher import exit_on_signals
from noisesweep.models import RunStatus, Sweep
from shared.store.keys import SWEEPS, SweepKeys

EPOCHS = 20
COLD_PLOTS = 30
# Sweeps that share half of the streams when these are spread.
OTHER_SWEEPS = 50
# Enough for a sweep of which many are made.
FEW_EPOCHS = 1
# Memory is read after a tenth of the requests, as a warm-up, and then after each fifth of them.
WARM_UP_SHARE, STEPS = 10, 5
# What the allocator keeps may shift by so much. Anything kept per request would be more: this is 20 bytes.
STEADY_MEGABYTES = 2.0


@dataclass(frozen=True)
class Options:
    """How long and how hard."""

    seconds: int
    connections: int
    streams: int
    requests: int


def row(what: str, load: Load, wanted: Sequence[Wanted] = (), notes: Sequence[str] = ()) -> Row:
    """The line of a load."""
    return Row(what, load.requests_per_second, load.p50_ms, load.p99_ms, load.api_cpu_ms, wanted, notes)


def under_load(service: Service, calls: Sequence[Call], options: Options) -> Load:
    """Send the calls as fast as the connections allow."""
    begun = service.api_cpu_seconds
    load = wrk.load(service.http, calls, options.connections, options.seconds)
    load.api_cpu_ms = 1000 * (service.api_cpu_seconds - begun) / load.requests
    return load


def known(service: Service, path: str) -> Call:
    """The call of a client that has the newest version."""
    etag = service.http.get(path).raise_for_status().headers["ETag"]
    return Call(path, HTTPStatus.NOT_MODIFIED, headers={"If-None-Match": etag})


def sweep(options: Options) -> Row:
    """GET a sweep."""
    with serve() as service:
        load = under_load(service, [Call(f"/sweeps/{service.finished(EPOCHS)}")], options)
    return row("GET sweep", load, [Wanted("requests/s", load.requests_per_second, least=1200)])


def not_modified(options: Options) -> Row:
    """GET a sweep that the client has."""
    with serve() as service:
        load = under_load(service, [known(service, f"/sweeps/{service.finished(EPOCHS)}")], options)
    return row("GET sweep, 304", load, [Wanted("requests/s", load.requests_per_second, least=2500)])


def post(options: Options) -> Row:
    """POST sweeps of one run, which pile up."""
    body = json.dumps({"scales": [0.5], "dataset": "digits"})
    call = Call("/sweeps", HTTPStatus.ACCEPTED, "POST", {"Content-Type": "application/json"}, body)
    with serve() as service:
        load = under_load(service, [call], options)
        stored = int(service.leases.redis.zcard(SWEEPS))
    # Beside those that were answered: the first, and those on their way at the end.
    if not load.requests < stored <= load.requests + 1 + options.connections:
        raise UnexpectedAnswerError(f"{load.requests} POSTs were answered with 202, and {stored} sweeps are stored.")
    rate, p99 = Wanted("requests/s", load.requests_per_second, least=400), Wanted("p99 ms", load.p99_ms, most=250)
    return row("POST sweep", load, [rate, p99], [f"{stored:,} sweeps wait at the end"])


def plot_cold(_options: Options) -> Row:
    """GET plots that nobody has asked for before, on one connection."""
    with serve() as service:
        sweep_ids = [service.finished(FEW_EPOCHS) for _ in range(1 + COLD_PLOTS)]
        begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        latencies = []
        for sweep_id in sweep_ids:
            asked = time.perf_counter()
            answer = service.http.get(f"/sweeps/{sweep_id}/plot").raise_for_status()
            latencies.append(1000 * (time.perf_counter() - asked))
            if answer.headers["Content-Type"] != "image/png":
                raise UnexpectedAnswerError(f"Expected a PNG, received {answer.headers['Content-Type']}.")
        seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
    # The first one of a process loads fonts as well, which no other does.
    first, *others = latencies
    p50, p99 = percentile(others, 0.50), percentile(others, 0.99)
    return Row(
        "GET plot, cold, one by one",
        len(latencies) / seconds,
        p50,
        p99,
        1000 * cpu_seconds / len(latencies),
        [Wanted("p99 ms", p99, most=120)],
        [f"the process's first: {first:.0f} ms"],
    )


def plot(options: Options) -> Row:
    """GET one plot again and again."""
    with serve() as service:
        return row("GET plot", under_load(service, [Call(f"/sweeps/{service.finished(EPOCHS)}/plot")], options))


def plot_not_modified(options: Options) -> Row:
    """GET a plot that the client has."""
    with serve() as service:
        call = known(service, f"/sweeps/{service.finished(EPOCHS)}/plot")
        return row("GET plot, 304", under_load(service, [call], options))


def streams(options: Options) -> Row:
    """All streams on one sweep, with epochs of nobody's training."""
    epochs = max(1, round(options.seconds / EPOCH_SECONDS))
    with serve() as service:
        sweep_id = service.submit(epochs=epochs)

        def events() -> None:
            paced([service.training(sweep_id, epochs)])

        return followed(service, "events, one sweep", [sweep_id] * options.streams, events)


def streams_spread(options: Options) -> Row:
    """Half of the streams on one sweep, half on others, with epochs of nobody's training."""
    epochs = max(1, round(options.seconds / EPOCH_SECONDS))
    with serve() as service:
        one, others = service.submit(epochs=epochs), [service.submit(epochs=FEW_EPOCHS) for _ in range(OTHER_SWEEPS)]
        half = options.streams // 2
        sweep_ids = [one] * half + list(islice(cycle(others), options.streams - half))

        def events() -> None:
            two_at_a_time = [
                chain.from_iterable(service.training(other, FEW_EPOCHS) for other in others[first::2])
                for first in range(2)
            ]
            paced([service.training(one, epochs), *two_at_a_time])

        return followed(service, f"events, 1 + {OTHER_SWEEPS} sweeps", sweep_ids, events)


def streams_training(options: Options) -> Row:
    """All streams on a sweep that a worker trains."""
    dataset = data.load().name
    with serve() as service:
        # The worker comes last, so that every stream is open before the first event.
        sweep_id = service.submit(dataset=dataset, epochs=max(1, options.seconds // 2))
        what = f"events, {dataset} trains"
        measured = followed(service, what, [sweep_id] * options.streams, service.start_worker)
        trained = Sweep.model_validate_json(service.http.get(f"/sweeps/{sweep_id}").raise_for_status().content)
    assert trained.status is RunStatus.SUCCEEDED, trained  # noqa: S101 - else there was nothing to measure
    return measured


def followed(service: Service, what: str, sweep_ids: Sequence[str], events: Callable[[], None]) -> Row:
    """Open a stream for each of the ids, let events happen, and hold every stream against the store's record.

    Raises:
        UnexpectedAnswerError: A stream did not get each event once and in order.
    """
    before = service.api_megabytes
    with listening(service.port, sweep_ids) as listener:
        opened = service.api_megabytes
        begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        events()
        while not listener.poll(1):
            service.check()
        seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
        ended = service.api_megabytes
        received: list[list[Delivery]] = listener.recv()

    happened = {sweep_id: event_ids(service, sweep_id) for sweep_id in set(sweep_ids)}
    for sweep_id, deliveries in zip(sweep_ids, received, strict=True):
        told = [delivery.event_id for delivery in deliveries]
        if told != happened[sweep_id]:
            raise UnexpectedAnswerError(f"Of {sweep_id} this happened: {happened[sweep_id]}; a stream told: {told}")
    delays = [delivery.delay_ms for deliveries in received for delivery in deliveries]
    p99 = percentile(delays, 0.99)
    return Row(
        what,
        len(delays) / seconds,
        percentile(delays, 0.50),
        p99,
        1000 * cpu_seconds / len(delays),
        [Wanted("p99 ms", p99, most=100)],
        [
            f"{len(delays):,} deliveries, each once and in order; the slowest after {max(delays):.0f} ms",
            f"API: {before:.1f} MB; with {len(sweep_ids)} streams {opened:.1f}, at their end {ended:.1f}",
        ],
    )


def event_ids(service: Service, sweep_id: str) -> list[str]:
    """The ids of all events of a sweep, in order."""
    entries = cast("list[tuple[str, object]]", service.leases.redis.xrange(SweepKeys(sweep_id).events))
    return [event_id for event_id, _ in entries]


def memory(options: Options) -> Row:
    """Mixed requests, until there have been very many."""
    with serve() as service:
        path = f"/sweeps/{service.finished(EPOCHS)}"
        calls = [*[Call(path), known(service, path)] * 4, Call("/sweeps?limit=5"), Call("/healthz")]
        _, rate = sent(service, calls, options.requests // WARM_UP_SHARE, rate=0.0, options=options)
        done, megabytes, counts = 0, [service.api_megabytes], [0]
        begun, cpu_begun = time.perf_counter(), service.api_cpu_seconds
        while done < options.requests:
            count, rate = sent(service, calls, options.requests // STEPS, rate, options)
            done += count
            counts.append(done)
            megabytes.append(service.api_megabytes)
        seconds, cpu_seconds = time.perf_counter() - begun, service.api_cpu_seconds - cpu_begun
    growth = megabytes[-1] - megabytes[0]
    course = ", ".join(f"{count:,}: {held:.1f}" for count, held in zip(counts, megabytes, strict=True))
    return Row(
        "mixed requests, memory",
        done / seconds,
        api_cpu_ms=1000 * cpu_seconds / done,
        wanted=[Wanted("growth MB", growth, most=STEADY_MEGABYTES)],
        notes=[f"API: MB after so many requests: {course}"],
    )


def sent(service: Service, calls: Sequence[Call], count: int, rate: float, options: Options) -> tuple[int, float]:
    """Send at least so many requests, in bursts as long as the last rate suggests; return how many, and the rate."""
    done = 0
    while done < count:
        seconds = max(1, math.ceil((count - done) / rate)) if rate else 1
        load = wrk.load(service.http, calls, options.connections, seconds)
        done, rate = done + load.requests, load.requests_per_second
    return done, rate


SCENES: dict[str, Callable[[Options], Row]] = {
    "sweep": sweep,
    "not-modified": not_modified,
    "post": post,
    "plot-cold": plot_cold,
    "plot": plot,
    "plot-not-modified": plot_not_modified,
    "streams": streams,
    "streams-spread": streams_spread,
    "streams-training": streams_training,
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

    wrk.refuse_without()
    exit_on_signals()
    print(f"one API process, {os.cpu_count()} cores, {options.connections} connections, {options.seconds} s each")
    print_head()
    rows: dict[str, Row] = {}
    for name in arguments.only:
        rows[name] = SCENES[name](options)
        print_row(rows[name])
    verdicts = {f"{name}: {wanted.figure}": wanted.verdict for name, row in rows.items() for wanted in row.wanted}
    print(f"wanted: {json.dumps(verdicts)}")
    report = {"options": asdict(options), "rows": {name: asdict(row) for name, row in rows.items()}, "wanted": verdicts}
    arguments.out.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
