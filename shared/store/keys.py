"""Names of all Redis keys, and the format of ids. In Python, no other file spells a key.

Keys of a sweep:

    ns:sweep:<id>                 hash    schema, request (JSON), created_at (µs), version, run_count, open_runs,
                                          fingerprint: SHA-256 of the submitting request,
                                          submitter, request_id, traceparent: the submitting request, empty if unknown,
                                          dataset: SHA-256 of its data set, unless that is built in,
                                          edited: id of the event of its last change of name or tags,
                                          epochs, epoch_work, epoch_compute (core-ms): of one run,
                                          run_bytes, reused_run_bytes, model_bytes: counted for each run,
                                          bytes:<submitter>: counted for the sweep and not freed yet
    ns:sweep:<id>:events          stream  events in order: type, index, data (JSON)
    ns:sweep:<id>:run:<index>     hash    scale, seed, submitter: who added it,
                                          line, queued_at (µs), work: in the queue, attempts,
                                          compute (hour:core-ms): counted for the submitter,
                                          owner, worker, device, started_at (µs), ended_at (µs),
                                          numerics: version of the stored epochs and checkpoint,
                                          outcome, error_code, error_message, weights_sha256,
                                          kept_metrics (JSON), test_loss, test_accuracy: with a holdout,
                                          checkpoint_at (epoch:step), cancel_requested,
                                          lease (µs), epochs_at_claim, checkpoint_at_claim: of the current claim,
                                          attempts_without_progress: lost owners in a row without progress,
                                          lost_owner: the last owner that was reaped as lost,
                                          checkpoint_warning, model_warning: why one could not be stored,
                                          reused_from: id of the earlier run whose results were copied
    ns:sweep:<id>:shares          hash    share links of the sweep (JSON: api/keys/shares.py), by id
    ns:sweep:<id>:epochs:<index>  list    EpochMetrics (JSON) of epochs 0, 1, ...
    ns:sweep:<id>:evaluation:<index>  string  Evaluation (JSON) of a succeeded run
    ns:sweep:<id>:checkpoint:<index>  string  checkpoint (.npz), deleted when the run ends
    ns:sweep:<id>:model:<index>       string  trained model (.keras), stored for some days if the request has keep_model

Keys of the queue. Each submitter has a line, named `<schema>:<submitter>`. So during an upgrade, workers with an older
schema leave newer sweeps to newer workers.

    ns:2:queued:<line>        zset    ids of the queued runs of a line, scored by queued_at (µs)
    ns:2:turns                zset    lines with queued runs, scored by the work claimed from them
    ns:2:idle                 zset    empty lines whose score is higher than the current turn
    ns:2:turn                 string  score of the line that had the last turn
    ns:2:work                 hash    work of the queued runs, by line
    ns:2:leases               zset    ids of the running runs, scored by the end of their lease (µs)
    ns:2:claim:<owner>        list    ids of the runs of a claim; expires after a lease
    ns:queue:<schema>         list    waiting messages of Celery

A run is in `queued`, or in `leases`, or has an outcome. Its status is derived from that and stored nowhere else. A
submitter is the name of an API key, or empty without keys. Work is in 10^6 multiply-accumulates.

Keys outside any sweep are indexes, measurements and workers:

    ns:schema                 string  oldest schema of the sweeps in the store
    ns:sweeps                 zset    ids of all sweeps, scored by their creation (µs)
    ns:bytes                  hash    bytes counted for the stored sweeps, by submitter
    ns:models                 zset    ids of runs with a stored model, scored by its expiry (µs)
    ns:datasets               hash    DatasetInfo (JSON) of each data set that was added, by name
    ns:dataset_names          hash    name of each data set that was added, by SHA-256
    ns:dataset_bytes          string  bytes of all data sets that were added
    ns:dataset:<sha256>       list    pieces of a data set, at most 1 MB each (shared/datasets/packing.py)
    ns:dataset:<sha256>:sweeps  set   ids of the sweeps that need it
    ns:dataset:upload:<token> list    pieces that were uploaded; expires after some minutes
    ns:ended                  stream  runs that workers ended recently: run; used for the throughput
    ns:paces                  zset    kinds of training that were measured (shared/store/paces.py), scored by Unix time
    ns:pace:<kind>            list    index and seconds of the latest epochs of a kind; used for time estimates, expires
    ns:api_keys               hash    record of each API key that was created while the service ran (JSON with its hash:
                                      api/keys/keyring.py), by name
    ns:api_key_uses           hash    Unix time of the last use of each API key, by name
    ns:quotas                 hash    Quota (JSON) of role:<role> or key:<name>
    ns:compute:<submitter>    hash    core-ms of the runs that an API key has queued, by hour (Unix time in hours);
                                      expires a day after the last one
    ns:counters               hash    worker metrics: see shared/store/counters.py
    ns:reaper                 hash    at (µs): when a reaper last reached the store,
                                      spared_since, spared_until (µs): until the second time, reapers ignore
                                      leases that expired after the first
    ns:trained:<fingerprint>  hash    id of a run with this fingerprint, by kind of device; expires like a sweep
    ns:workers                zset    names of workers, scored by their last heartbeat (µs)
    ns:worker:<name>          string  profile of a worker (JSON), expires an hour after its last heartbeat
    ns:probe                  string  empty, expires after a second: tests whether the store accepts writes

Celery has its own keys:

    ns:unacked, ns:unacked_index  messages that workers have taken and not yet acknowledged
    _kombu.binding.<queue>, and others with this prefix  names of the queues

The schema is the version of this layout. A sweep's record contains the schema that it was written with. Functions
reject sweeps with a newer schema than their own, and change sweeps of older schemas back to OLDEST_SCHEMA. Programs
refuse a store with sweeps of an even older one. Redis Cluster is not supported, because Celery cannot use it.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass

from shared.errors import RunNotFoundError, SweepNotFoundError

# Increase it when older programs would misread a sweep or train it differently, for example after adding a request
# field. Keys outside any sweep may gain fields but must not lose any.
SCHEMA = 2
OLDEST_SCHEMA = 2

# Programs read all of these queues and publish to the last one.
QUEUES = [f"ns:queue:{schema}" for schema in range(OLDEST_SCHEMA, SCHEMA + 1)]
QUEUE = QUEUES[-1]
LEASES = "ns:2:leases"
TURNS = "ns:2:turns"
SCHEMA_KEY = "ns:schema"
UNACKED = "ns:unacked"
SWEEPS = "ns:sweeps"
BYTES = "ns:bytes"
MODELS = "ns:models"
DATASETS = "ns:datasets"
API_KEYS = "ns:api_keys"
API_KEY_USES = "ns:api_key_uses"
QUOTAS = "ns:quotas"
ENDED = "ns:ended"
PACES = "ns:paces"
COUNTERS = "ns:counters"
WORKERS = "ns:workers"
REAPER = "ns:reaper"
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
        return f"ns:sweep:{self.sweep_id}"

    @property
    def events(self) -> str:
        """Return the key of the event stream."""
        return f"{self.record}:events"

    @property
    def shares(self) -> str:
        """Return the key of the hash of share links."""
        return f"{self.record}:shares"

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


def trained(fingerprint: str) -> str:
    """Return the key of the hash of runs that were trained with a fingerprint."""
    return f"ns:trained:{fingerprint}"


def pace(kind: str) -> str:
    """Return the key of the epochs of a kind of training."""
    return f"ns:pace:{kind}"


def dataset_pieces(sha256: str) -> str:
    """Return the key of the pieces of a data set with this SHA-256."""
    return f"ns:dataset:{sha256}"


def new_upload() -> str:
    """Return the key of the pieces of a new upload."""
    return f"ns:dataset:upload:{secrets.token_hex(8)}"


def line_of(submitter: str) -> str:
    """Return the name of a submitter's line. A submitter is the name of an API key, or empty without keys."""
    return f"{SCHEMA}:{submitter}"


def compute(submitter: str) -> str:
    """Return the key of the compute that an API key has used, by hour."""
    return f"ns:compute:{submitter}"


def queued(line: str) -> str:
    """Return the key of the queued runs of a line."""
    return f"ns:2:queued:{line}"


def worker(name: str) -> str:
    """Return the key of a worker's profile."""
    return f"ns:worker:{name}"


def new_sweep_id() -> str:
    """Return a new id of 16 random hexadecimal digits."""
    return secrets.token_hex(8)


def keyed_sweep_id(submitter: str, idempotency_key: str) -> str:
    """Return the id of the sweep that a submitter creates with an idempotency key."""
    return hashlib.sha256(f"{submitter} {idempotency_key}".encode()).hexdigest()[:16]


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
