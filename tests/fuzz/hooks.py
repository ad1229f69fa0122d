"""What Schemathesis is told of this API that an OpenAPI document cannot say."""

import os
import re
from typing import Any

import schemathesis
from hypothesis import strategies as st
from schemathesis import Case, HookContext, Response
from schemathesis.core.failures import Failure
from schemathesis.openapi.checks import EnsureResourceAvailability, RejectedPositiveData

# What a schema cannot know: which keys came before, and how much this service takes.
NOT_OF_THE_SCHEMA = ("/problems/idempotency-key-reused", "/problems/sweep-too-large")
TRAINED = os.environ["NOISESWEEP_FUZZ_TRAINED"]
KEYED: set[str] = set()


@schemathesis.hook
def flatmap_path_parameters(
    context: HookContext, path_parameters: dict[str, Any] | None
) -> st.SearchStrategy[dict[str, Any] | None]:
    """Read the sweep that has all there is to read every other time: few sweeps of chance succeed."""
    if not path_parameters or not context.operation or context.operation.method != "get":
        return st.just(path_parameters)
    trained = {"sweep_id": TRAINED, "run_id": f"{TRAINED}-0"}
    return st.sampled_from(
        [path_parameters, {name: trained.get(name, value) for name, value in path_parameters.items()}]
    )


@schemathesis.hook
def flatmap_query(context: HookContext, query: dict[str, Any] | None) -> st.SearchStrategy[dict[str, Any] | None]:
    """Name what is there every other time: ids of chance are of no sweep, and one data set is not on this host."""
    there: dict[str, Any] = {"/plots/compare": {"sweep": [TRAINED]}}
    there |= {path: {"dataset": "digits"} for path in ("/noise/plot", "/noise/samples")}
    if not query or not context.operation or context.operation.path not in there:
        return st.just(query)
    return st.sampled_from([query, query | there[context.operation.path]])


@schemathesis.hook
def before_call(context: HookContext, case: Case[Any], kwargs: dict[str, Any]) -> None:
    """Let nobody wait for longer than a second, and nobody delete or extend the sweep that the others read."""
    changes = case.method == "DELETE" or case.path.endswith("/runs")
    if changes and case.path_parameters.get("sweep_id") == TRAINED:
        case.path_parameters["sweep_id"] = "0" * 16
    if case.headers and isinstance(case.headers.get("prefer"), str):
        case.headers["prefer"] = re.sub(r"[0-9]+", "1", case.headers["prefer"])


@schemathesis.hook
def after_call(context: HookContext, case: Case[Any], response: Response) -> None:
    """Keep in mind which sweeps an idempotency key stands for."""
    if response.status_code == 202 and case.headers and "idempotency-key" in case.headers:
        KEYED.update(_sweep_ids(response.json()["id"]))


@schemathesis.hook
def filter_failure(context: HookContext, failure: Failure, case: Case[Any], response: Response) -> bool:
    """Whether it is one: all are, but for what follows from rules that no schema can hold."""
    if isinstance(failure, EnsureResourceAvailability):
        # A key gets the answer that it got before, though the sweep has been deleted since.
        return KEYED.isdisjoint(_sweep_ids(case.formatted_path))
    if not isinstance(failure, RejectedPositiveData) or response.status_code != 422:
        return True
    if case.headers and case.headers.get("last-event-id") == "0":
        return False  # of a header with a pattern, the coverage phase takes the number 0 for a valid value
    problem = response.json()
    # A request may be valid in each of its fields and not as a whole: the fault is then that of the body itself.
    # Nor can a schema hold how many parameters all hidden units together make.
    faults = problem.get("errors", [])
    of_the_whole = bool(faults) and all(
        error["pointer"] == "#" or (error["pointer"] == "#/hidden_units" and "parameters" in error["detail"])
        for error in faults
    )
    return not (of_the_whole or problem["type"] in NOT_OF_THE_SCHEMA)


def _sweep_ids(text: str) -> set[str]:
    return set(re.findall("[0-9a-f]{16}", text))
