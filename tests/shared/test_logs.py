import json
import logging
from collections.abc import Iterator

import pytest

from shared import logs
from shared.settings import Settings


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_record_has_context_fields(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())  # standard error is not a terminal here
    with logs.log_context(request_id="r1", traceparent=""), logs.log_context(sweep_id="s1"):
        logging.getLogger("worker.trainer.claim").warning("Run %s ends", "s1-0", extra={"color_message": "coloured"})
    logging.getLogger("api").info("later")
    first, later = map(json.loads, capsys.readouterr().err.splitlines())
    at = first.pop("at")
    assert at.endswith("+00:00")
    assert first == {
        "level": "WARNING",
        "logger": "worker.trainer.claim",
        "message": "Run s1-0 ends",
        "request_id": "r1",
        "sweep_id": "s1",
    }
    assert later.keys() == {"level", "logger", "message", "at"}


def test_text_record_has_request_id(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="text"))
    with logs.log_context(request_id="r1"):
        logging.getLogger("api").info("one")
    logging.getLogger("api").info("two")
    one, two = capsys.readouterr().err.splitlines()
    assert one.endswith("INFO    [r1] one")
    assert two.endswith("INFO    [-] two")
