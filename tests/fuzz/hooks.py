"""Schemathesis hooks for rules of this API that an OpenAPI document cannot express."""

import os
import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

from tests.support.own_data import bars, npz

# These problems depend on earlier requests, on the sweeps and on the limits of the service, not on the schema.
STATEFUL_PROBLEMS = (
    "/problems/dataset-taken",
    "/problems/idempotency-key-reused",
    "/problems/not-comparable",
    "/problems/sweep-too-large",
)
TRAINED = os.environ["NOISESWEEP_FUZZ_TRAINED"]
# Sweeps that were submitted with an idempotency key.
KEYED: set[str] = set()
# Runs that were queued when they were submitted, and not cancelled since.
QUEUED: list[str] = []
# Data sets that were added and not deleted.
ADDED: set[str] = set()
ARCHIVES = [npz(bars(classes, training=2 * classes, test=classes)) for classes in range(2, 17)]
for media_type in ("application/zip", "application/octet-stream"):
    schemathesis.openapi.media_type(media_type, st.sampled_from(ARCHIVES) | st.binary(max_size=100))


@schemathesis.hook
def flatmap_path_parameters(
    context: HookContext, path_parameters: dict[str, Any] | None
) -> st.SearchStrategy[dict[str, Any] | None]:
    """Use the ids of the trained sweep in half of the GET requests, because few generated sweeps succeed."""
    if not path_parameters or not context.operation or context.operation.method != "get":
        return st.just(path_parameters)
    trained = {"sweep_id": TRAINED, "run_id": f"{TRAINED}-0", "dataset": "digits"}
    return st.sampled_from(
        [path_parameters, {name: trained.get(name, value) for name, value in path_parameters.items()}]
    )


@schemathesis.hook
def flatmap_query(context: HookContext, query: dict[str, Any] | None) -> st.SearchStrategy[dict[str, Any] | None]:
    """Use the trained sweep and an available data set in half of the requests, because generated ids match no sweep."""
    existing: dict[str, Any] = {"/plots/compare": {"sweep": [TRAINED]}, "/compare": {"sweep": [TRAINED, TRAINED]}}
    existing |= {path: {"dataset": "digits"} for path in ("/noise/kinds", "/noise/plot", "/noise/samples")}
    rows = {"sweep": [TRAINED, TRAINED], "scale": [0.1, 1.0]}
    existing |= {path: {"tag": "course:ml-101"} for path in ("/class", "/plots/class")}
    existing |= dict.fromkeys(("/transfer", "/plots/transfer"), rows)
    if not query or not context.operation or context.operation.path not in existing:
        return st.just(query)
    return st.sampled_from([query, query | existing[context.operation.path]])


@schemathesis.hook
def flatmap_body(context: HookContext, body: Any) -> st.SearchStrategy[Any]:
    """Use the name of a data set in most bodies, because the schema does not list them."""
    if not isinstance(body, dict) or "dataset" not in body:
        return st.just(body)
    return st.sampled_from([body | {"dataset": "digits"}, body | {"dataset": "mnist"}, body])


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Limit long polling to 1 s, protect the trained sweep from changes, and let changes succeed.

    A quota of the fuzzer's own key could refuse all its submissions, so quotas are set for another key.

    A generated ETag is never current, so half of them become `*`.
    """
    changes = case.method in ("DELETE", "PATCH") or case.path.endswith("/runs")
    if changes and case.path_parameters.get("sweep_id") == TRAINED:
        case.path_parameters["sweep_id"] = "0" * 16
    if case.method == "PUT" and "holder" in case.path_parameters:
        case.path_parameters["holder"] = re.sub(
            "^(role:|key:fuzzer).*", "key:other", str(case.path_parameters["holder"])
        )
    if case.path == "/runs/{run_id}/cancel" and QUEUED and len(str(case.path_parameters.get("run_id"))) % 2 == 0:
        case.path_parameters["run_id"] = QUEUED.pop()  # the last one is the least likely to have ended
    if (case.method, case.path) == ("DELETE", "/datasets/{dataset}") and ADDED:
        case.path_parameters["dataset"] = ADDED.pop()
    if case.headers and len(str(case.headers.get("if-match", ""))) % 2:
        case.headers["if-match"] = "*"
    if case.headers and isinstance(case.headers.get("prefer"), str):
        case.headers["prefer"] = re.sub(r"[0-9]+", "1", case.headers["prefer"])


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Remember the sweeps that were submitted with an idempotency key, queued runs, and data sets that were added."""
    if response.status_code == 201 and case.path == "/datasets":
        ADDED.add(response.json()["name"])
    if (case.method, case.path, response.status_code) == ("POST", "/runs", 202) and response.json()[
        "status"
    ] == "queued":
        QUEUED.append(response.json()["id"])
    if response.status_code == 202 and case.headers and "idempotency-key" in case.headers:
        KEYED.update(_sweep_ids(response.json()["id"]))


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Return true unless the failure results from a rule that a schema cannot express."""
    if isinstance(failure, EnsureResourceAvailability):
        # A repeated idempotency key creates a deleted sweep again.
        return KEYED.isdisjoint(_sweep_ids(case.formatted_path))
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    if case.headers and case.headers.get("last-event-id") == "0":
        return False  # the coverage phase ignores the pattern of this header and sends the number 0 as a valid value
    problem = response.json()
    # The schema does not express rules on several fields together. Their errors point to the whole body, say that a
    # holdout is missing, or name the kind of noise that does not accept a scale or a pixel range. It also does not
    # express the names of data sets, the content of an archive, the limits of a network, that scales must differ in
    # float32, and that the size of a holdout depends on the data set.
    errors = problem.get("errors", [])
    beyond_schema = bool(errors) and all(
        error["pointer"] == "#"
        or (error["pointer"] == "#/model" and re.match("expected (at most|images of)", error["detail"]))
        or error["pointer"] == "#/holdout"
        or (error["pointer"] == "#/expires_at" and error["detail"].startswith("expected a time in the future"))
        or (error["pointer"] in ("#/dataset", "dataset") and error["detail"].startswith("expected one of"))
        or "expected a holdout" in error["detail"]
        or re.search("with [a-zA-Z-]+ noise, received", error["detail"])
        or "expected other kinds than the noise of the sweep" in error["detail"]
        or "pairs of kind and scale" in error["detail"]
        or error["detail"].endswith("in float32")
        for error in errors
    )
    return not (beyond_schema or problem["type"] in STATEFUL_PROBLEMS)


def _sweep_ids(text: str) -> set[str]:
    """Return all sweep ids in a text."""
    return set(re.findall("[0-9a-f]{16}", text))
