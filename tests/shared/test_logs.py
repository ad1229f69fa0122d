import json
import logging
from collections.abc import Iterator

import pytest

from api.plots.accuracy import plot_data
from api.plots.options import FileFormat, PlotOptions
from api.plots.picture import draw
from shared import logs
from shared.settings import Settings
from tests.support.measured import measured_sweep


@pytest.fixture(autouse=True)
def restore_logging() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in (None, *logs.VERBOSE_LOGGERS)]
    handlers, levels = loggers[0].handlers[:], [logger.level for logger in loggers]
    yield
    loggers[0].handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


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


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_record_is_one_line_without_control_characters(capsys: pytest.CaptureFixture[str], log_format: str) -> None:
    logs.configure(Settings(log_format=log_format))
    logging.getLogger("api").warning("a name: %s", "\x1b]52;c;x\x07\x9b31m\r\nINFO forged \u202e")
    output = capsys.readouterr().err
    assert output.removesuffix("\n").isprintable()
    assert "forged" in output


def test_traceback_keeps_its_lines_without_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(log_format="text"))
    try:
        raise ValueError("\x1b[31m")
    except ValueError:
        logging.getLogger("api").exception("failed")
    lines = capsys.readouterr().err.splitlines()
    assert lines[1] == "Traceback (most recent call last):"
    assert lines[-1] == r"ValueError: \x1b[31m"


def test_libraries_log_only_warnings(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    for name in (
        "api.sweeps.store",
        "worker.tasks",
        "celery.worker",
        "uvicorn.error",
        "fontTools.subset",
        "some.other",
    ):
        logging.getLogger(name).info("details")
        logging.getLogger(name).warning("problem")
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [line["logger"] for line in lines if line["level"] == "INFO"] == [
        "api.sweeps.store",
        "worker.tasks",
        "celery.worker",
        "uvicorn.error",
    ]
    assert len([line for line in lines if line["level"] == "WARNING"]) == 6


def test_drawing_a_pdf_logs_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings())
    assert draw(plot_data(measured_sweep({0.5: 0.9})), PlotOptions(file_format=FileFormat.PDF)).startswith(b"%PDF")
    assert capsys.readouterr().err == ""
