import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from shared.errors import RunNotFoundError, SweepNotFoundError
from shared.store.keys import SweepKeys, line_of, new_sweep_id, parse_run_id, parse_sweep_id, queued, run_id


@given(st.integers(0, 999_999))
def test_id_round_trip(index: int) -> None:
    sweep_id = new_sweep_id()
    assert parse_sweep_id(sweep_id) == sweep_id
    assert parse_run_id(run_id(sweep_id, index)) == (sweep_id, index)


@given(st.text("0123456789abcdefABCDEF{}:- \n٣", min_size=14, max_size=18))
def test_malformed_id_is_rejected(text: str) -> None:
    assume(len(text) != 16 or not set(text) <= set("0123456789abcdef"))
    with pytest.raises(SweepNotFoundError):
        parse_sweep_id(text)
    with pytest.raises(RunNotFoundError):
        parse_run_id(f"{text}-0")


@pytest.mark.parametrize(
    "text", ["0123456789abcdef-", "0123456789abcdef-01", "0123456789abcdef--1", "0123456789ABCDEF-0"]
)
def test_noncanonical_run_id_is_rejected(text: str) -> None:
    with pytest.raises(RunNotFoundError):
        parse_run_id(text)


def test_keys_of_a_sweep_are_distinct_and_start_with_its_record() -> None:
    keys = SweepKeys(new_sweep_id())
    of_run = [keys.run, keys.epochs, keys.evaluation, keys.checkpoint, keys.model]
    found = [keys.events, *(key(index) for key in of_run for index in (0, 1, 11))]
    assert len({keys.record, *found}) == len(found) + 1
    assert all(key.startswith(f"{keys.record}:") for key in found)


@pytest.mark.parametrize("submitter", ["", "alice", "2:alice"])
def test_lines_of_different_submitters_have_different_queues(submitter: str) -> None:
    others = {"", "alice", "2:alice"} - {submitter}
    assert queued(line_of(submitter)) not in {queued(line_of(other)) for other in others}
