"""Every Redis key and every id: how they are spelled and how they are read. No other file spells one.

The keys of one sweep share the hash tag {<sweep id>}, so they live in one slot of a Redis Cluster and one script may
touch them all:

    ns:{<id>}                 hash    schema, request (JSON), created_at (µs), version, run_count,
                                      key, request_id, traceparent: who asked for it, empty where not known,
                                      hinted_at (µs): when messages were last published or found to be there
    ns:{<id>}:queued          zset    index of each queued run, scored by itself: claimed in the order of the grid
    ns:{<id>}:leases          zset    index of each running run, scored by when its lease runs out (µs)
    ns:{<id>}:events          stream  what happened, in order: type, index, data (JSON)
    ns:{<id>}:run:<index>     hash    scale, seed, attempts, owner, worker, device, started_at (µs), ended_at (µs),
                                      outcome, error_code, error_message, weights_sha256,
                                      checkpoint_at (epoch:step), cancel_requested, epochs_at_claim,
                                      fruitless: owners lost in a row without an epoch more,
                                      reused_from: the run that was trained in its place
    ns:{<id>}:epochs:<index>  list    EpochMetrics (JSON) of epochs 0, 1, ...
    ns:{<id>}:evaluation:<index>  string  Evaluation (JSON) of a run that has succeeded
    ns:{<id>}:checkpoint:<index>  string  where to go on from (.npz), until the run has ended
    ns:{<id>}:model:<index>       string  the trained model (.keras), for some days, if it was asked for

A run is in `queued`, or in `leases`, or has an outcome: its status is that, and stored nowhere else. Outside any sweep
stand what finds them again, what is measured, and who is there to work:

    ns:sweeps                 zset    every sweep's id, scored by when it was created (µs)
    ns:open                   zset    the ids of the sweeps that may have runs to train, scored by when they were
                                      last opened, by creation, extension or retry (µs): what reapers look at
    ns:ended                  stream  the runs that workers ended lately: run. From it the rate is measured
    ns:pace                   stream  the epochs that were trained lately: dataset, precision, batch_size, work
                                      (multiply-accumulates of a forward pass), seconds. From it times are estimated
    ns:counters               hash    what workers have done so far: see shared/store/counters.py
    ns:trained:<fingerprint>  hash    a run that has trained what the fingerprint stands for, by kind of device; kept as
                                      long as a sweep is after its end
    ns:{workers}              zset    the workers' names, scored by their last sign of life (µs)
    ns:{workers}:<name>       string  what is to know of a worker (JSON), for an hour after that

for a second after somebody has asked whether the store takes writes

    ns:probe                  string  empty

and for a day after a submission that came with an idempotency key

    ns:idempotency:<SHA-256 of the client's name and the key>  string  what was submitted and answered (JSON)

Celery keeps what is its own beside:

    ns:queue:<schema>         list    messages that wait
    ns:unacked, ns:unacked_index, ns:unacked_mutex  those that workers have taken and not yet acknowledged
    _kombu.binding.<queue> and others that begin so     which queues there are

The schema is the version of all that. A sweep's record names the one that it was written with, and each script leaves
a sweep alone that is of a newer one than the program's own (lua/prelude.lua): an old worker beside new ones neither
trains nor reaps what it may misread, and it is told of it in no queue that it serves. What is of an older schema a
newer program trains and reaps like its own.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

from shared.errors import RunNotFoundError, SweepNotFoundError

# To be raised by a change after which a program of before would misread a sweep, or train it otherwise than was asked:
# a setting more in a request, say. What stands outside any sweep may gain fields, and must keep those that it has.
SCHEMA = 1

# The last one is the program's own, to which it publishes.
QUEUES = [f"ns:queue:{schema}" for schema in range(1, SCHEMA + 1)]
QUEUE = QUEUES[-1]
UNACKED = "ns:unacked"
SWEEPS = "ns:sweeps"
OPEN = "ns:open"
ENDED = "ns:ended"
PACE = "ns:pace"
COUNTERS = "ns:counters"
WORKERS = "ns:{workers}"
PROBE = "ns:probe"

_SWEEP_ID = re.compile(r"[0-9a-f]{16}")
_RUN_ID = re.compile(r"([0-9a-f]{16})-(0|[1-9][0-9]{0,5})")


@dataclass(frozen=True)
class SweepKeys:
    """The keys of one sweep. `sweep_id` must have come from new_sweep_id or parse_sweep_id."""

    sweep_id: str

    @property
    def record(self) -> str:
        """Hash: the request and the version."""
        return f"ns:{{{self.sweep_id}}}"

    @property
    def queued(self) -> str:
        """Sorted set: the indices of the queued runs."""
        return f"{self.record}:queued"

    @property
    def leases(self) -> str:
        """Sorted set: the indices of the running runs by the end of their lease."""
        return f"{self.record}:leases"

    @property
    def events(self) -> str:
        """Stream: the events."""
        return f"{self.record}:events"

    def run(self, index: int | str) -> str:
        """Hash: one run."""
        return f"{self.record}:run:{index}"

    def epochs(self, index: int | str) -> str:
        """List: the metrics of one run's epochs."""
        return f"{self.record}:epochs:{index}"

    def evaluation(self, index: int | str) -> str:
        """String: the evaluation of one run's trained network on other noise."""
        return f"{self.record}:evaluation:{index}"

    def checkpoint(self, index: int | str) -> str:
        """String: the bytes of one run's checkpoint."""
        return f"{self.record}:checkpoint:{index}"

    def model(self, index: int | str) -> str:
        """String: the bytes of one run's trained model."""
        return f"{self.record}:model:{index}"

    @property
    def for_scripts(self) -> list[str]:
        """KEYS of every script, in the order in which lua/prelude.lua names them; those of single runs as prefixes."""
        prefixes = [self.run(""), self.epochs(""), self.evaluation(""), self.checkpoint(""), self.model("")]
        return [self.record, self.queued, self.leases, self.events, *prefixes]


def idempotency(client: str, key: str) -> str:
    """String: the record of a client's idempotency key, hashed because the client chooses it freely."""
    return f"ns:idempotency:{hashlib.sha256(f'{client} {key}'.encode()).hexdigest()}"


def trained(fingerprint: str) -> str:
    """Hash: the run that was trained for a fingerprint."""
    return f"ns:trained:{fingerprint}"


def worker(name: str) -> str:
    """String: the profile of the worker of this name."""
    return f"{WORKERS}:{name}"


def new_sweep_id() -> str:
    """Return a new id: 16 hexadecimal digits, 64 random bits."""
    return secrets.token_hex(8)


def parse_sweep_id(text: str) -> str:
    """Return the id; raise SweepNotFoundError if the text cannot be one."""
    if not _SWEEP_ID.fullmatch(text):
        raise SweepNotFoundError(f'No sweep has the id "{text}": an id is 16 hexadecimal digits.')
    return text


def run_id(sweep_id: str, index: int) -> str:
    """Return the id of the run at an index of the sweep's grid."""
    return f"{sweep_id}-{index}"


def parse_run_id(text: str) -> tuple[str, int]:
    """Return (sweep id, index); raise RunNotFoundError if the text cannot be a run's id."""
    match = _RUN_ID.fullmatch(text)
    if not match:
        raise RunNotFoundError(f'No run has the id "{text}": an id is 16 hexadecimal digits, a dash and an index.')
    return match[1], int(match[2])
