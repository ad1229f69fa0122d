import json
import logging
from collections.abc import Iterator

import pytest

from shared import logs
from shared.settings import Settings


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def test_a_line_is_json_with_what_it_belongs_to(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())  # standard error is no terminal here
    with logs.belonging_to(request_id="r1", traceparent=""), logs.belonging_to(sweep_id="s1"):
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


def test_text_is_for_eyes_and_has_the_request_too(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="text"))
    with logs.belonging_to(request_id="r1"):
        logging.getLogger("api").info("one")
    logging.getLogger("api").info("two")
    one, two = capsys.readouterr().err.splitlines()
    assert one.endswith("INFO    [r1] one")
    assert two.endswith("INFO    [-] two")
