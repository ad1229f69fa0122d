"""Names of all Redis keys, and the format of ids. No other file spells a key.

All keys of a sweep contain the hash tag {<sweep id>}. They are in one slot of a Redis Cluster, so one script can access
them all:

    ns:{<id>}                 hash    schema, request (JSON), created_at (µs), version, run_count,
                                      key, request_id, traceparent: the submitting request, empty if unknown,
                                      hinted_at (µs): when messages were last published or found in the queue
    ns:{<id>}:queued          zset    indices of the queued runs, scored by themselves: claimed in grid order
    ns:{<id>}:leases          zset    indices of the running runs, scored by the end of their lease (µs)
    ns:{<id>}:events          stream  events in order: type, index, data (JSON)
    ns:{<id>}:run:<index>     hash    scale, seed, attempts, owner, worker, device, started_at (µs), ended_at (µs),
                                      outcome, error_code, error_message, weights_sha256,
                                      checkpoint_at (epoch:step), cancel_requested,
                                      lease (µs), epochs_at_claim, checkpoint_at_claim: of the current claim,
                                      fruitless: lost owners in a row without progress,
                                      lost_owner: the last owner that was reaped as lost,
                                      checkpoint_warning, model_warning: why one could not be stored,
                                      reused_from: id of the earlier run whose results were copied
    ns:{<id>}:epochs:<index>  list    EpochMetrics (JSON) of epochs 0, 1, ...
    ns:{<id>}:evaluation:<index>  string  Evaluation (JSON) of a succeeded run
    ns:{<id>}:checkpoint:<index>  string  checkpoint (.npz), deleted when the run ends
    ns:{<id>}:model:<index>       string  trained model (.keras), stored for some days if the request has keep_model

A run is in `queued`, or in `leases`, or has an outcome. Its status is derived from that and stored nowhere else. Keys
outside any sweep are indexes, measurements and workers:

    ns:sweeps                 zset    ids of all sweeps, scored by their creation (µs)
    ns:open                   zset    ids of sweeps that may have unfinished runs, scored by their last creation,
                                      extension or retry (µs); read by reapers
    ns:ended                  stream  runs that workers ended recently: run; used for the throughput
    ns:pace                   stream  epochs trained recently: dataset, precision, batch_size, work
                                      (multiply-accumulates of a forward pass), seconds; used for time estimates
    ns:counters               hash    worker metrics: see shared/store/counters.py
    ns:{reaper}               hash    at (µs): when a reaper last reached the store,
                                      spared_since, spared_until (µs): until the second time, reapers ignore
                                      leases that expired after the first; see lua/round.lua
    ns:trained:<fingerprint>  hash    id of a run with this fingerprint, by kind of device; expires like a sweep
    ns:{workers}              zset    names of workers, scored by their last heartbeat (µs)
    ns:{workers}:<name>       string  profile of a worker (JSON), expires an hour after its last heartbeat
    ns:probe                  string  empty, expires after a second: tests whether the store accepts writes
    ns:idempotency:<SHA-256 of client name and key>  string  submission and its response (JSON), expires after a day

Celery has its own keys:

    ns:queue:<schema>         list    waiting messages
    ns:unacked, ns:unacked_index, ns:unacked_mutex  messages that workers have taken and not yet acknowledged
    _kombu.binding.<queue>, and others with this prefix  names of the queues

The schema is the version of this layout. A sweep's record contains the schema that it was written with, and scripts
reject sweeps with a newer schema than their program supports (lua/prelude.lua). An old worker therefore neither trains
nor reaps a sweep that it could misread, and it does not read the queue of the newer schema. A newer program trains and
reaps sweeps of older schemas as well.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

from shared.errors import RunNotFoundError, SweepNotFoundError

# Bump when older programs would misread a sweep or train it differently, for example after adding a request field.
# Keys outside any sweep may gain fields but must not lose any.
SCHEMA = 1

# Programs read all of these queues and publish to the last one.
QUEUES = [f"ns:queue:{schema}" for schema in range(1, SCHEMA + 1)]
QUEUE = QUEUES[-1]
UNACKED = "ns:unacked"
SWEEPS = "ns:sweeps"
OPEN = "ns:open"
ENDED = "ns:ended"
PACE = "ns:pace"
COUNTERS = "ns:counters"
WORKERS = "ns:{workers}"
REAPER = "ns:{reaper}"
PROBE = "ns:probe"

_SWEEP_ID = re.compile(r"[0-9a-f]{16}")
_RUN_ID = re.compile(r"([0-9a-f]{16})-(0|[1-9][0-9]{0,5})")


@dataclass(frozen=True)
class SweepKeys:
    """Keys of one sweep. `sweep_id` must come from new_sweep_id or parse_sweep_id."""

    sweep_id: str

    @property
    def record(self) -> str:
        """Return the key of the hash with the request and the version."""
        return f"ns:{{{self.sweep_id}}}"

    @property
    def queued(self) -> str:
        """Return the key of the sorted set of queued runs."""
        return f"{self.record}:queued"

    @property
    def leases(self) -> str:
        """Return the key of the sorted set of running runs, scored by the end of their lease."""
        return f"{self.record}:leases"

    @property
    def events(self) -> str:
        """Return the key of the event stream."""
        return f"{self.record}:events"

    def run(self, index: int | str) -> str:
        """Return the key of the hash of a run."""
        return f"{self.record}:run:{index}"

    def epochs(self, index: int | str) -> str:
        """Return the key of the list of a run's epoch metrics."""
        return f"{self.record}:epochs:{index}"

    def evaluation(self, index: int | str) -> str:
        """Return the key of the evaluation of a run's network at other scales."""
        return f"{self.record}:evaluation:{index}"

    def checkpoint(self, index: int | str) -> str:
        """Return the key of a run's checkpoint."""
        return f"{self.record}:checkpoint:{index}"

    def model(self, index: int | str) -> str:
        """Return the key of a run's trained model."""
        return f"{self.record}:model:{index}"

    @property
    def for_scripts(self) -> list[str]:
        """Return the KEYS of every script, in the order of lua/prelude.lua. Keys of runs are passed as prefixes."""
        prefixes = [self.run(""), self.epochs(""), self.evaluation(""), self.checkpoint(""), self.model("")]
        return [self.record, self.queued, self.leases, self.events, *prefixes]


def idempotency(client: str, key: str) -> str:
    """Return the key of an idempotency record. It contains a hash because clients choose their keys freely."""
    return f"ns:idempotency:{hashlib.sha256(f'{client} {key}'.encode()).hexdigest()}"


def trained(fingerprint: str) -> str:
    """Return the key of the hash of runs that were trained with a fingerprint."""
    return f"ns:trained:{fingerprint}"


def worker(name: str) -> str:
    """Return the key of a worker's profile."""
    return f"{WORKERS}:{name}"


def new_sweep_id() -> str:
    """Return a new id of 16 random hexadecimal digits."""
    return secrets.token_hex(8)


def parse_sweep_id(text: str) -> str:
    """Return the text if it is a well-formed sweep id; raise SweepNotFoundError otherwise."""
    if not _SWEEP_ID.fullmatch(text):
        raise SweepNotFoundError(f'No sweep has the id "{text}": an id is 16 hexadecimal digits.')
    return text


def run_id(sweep_id: str, index: int) -> str:
    """Return the id of the run at this index of the sweep's grid."""
    return f"{sweep_id}-{index}"


def parse_run_id(text: str) -> tuple[str, int]:
    """Return (sweep id, index) if the text is a well-formed run id; raise RunNotFoundError otherwise."""
    match = _RUN_ID.fullmatch(text)
    if not match:
        raise RunNotFoundError(f'No run has the id "{text}": an id is 16 hexadecimal digits, a dash and an index.')
    return match[1], int(match[2])
