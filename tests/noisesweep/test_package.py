"""The public package: its names, its types, and a user's own files beside it."""

import inspect
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

import noisesweep
from noisesweep import AsyncNoiseSweep, AsyncSweepHandle, NoiseSweep, SweepHandle
from noisesweep.client.fields import SweepFields
from noisesweep.models import SweepRequest
from tests.noisesweep.local.test_launcher import write_namesakes


def test_the_keywords_are_the_fields_of_the_request() -> None:
    assert {"scales", *SweepFields.__annotations__} == set(SweepRequest.model_fields)


def test_the_two_clients_have_the_same_methods() -> None:
    for blocking, asynchronous in ((NoiseSweep, AsyncNoiseSweep), (SweepHandle, AsyncSweepHandle)):
        public = {name for name in vars(blocking) if not name.startswith("_")}
        also = {name for name in vars(asynchronous) if not name.startswith("_")}
        assert {name.removeprefix("a") if name == "aclose" else name for name in also} == public
        for name in public - {"close"}:
            one, other = getattr(blocking, name), getattr(asynchronous, name)
            if callable(one):
                assert list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters)


def test_the_package_has_all_that_it_names() -> None:
    assert all(inspect.isclass(getattr(noisesweep, name)) for name in noisesweep.__all__)
    with pytest.raises(AttributeError, match="Trainer"):
        noisesweep.Trainer  # noqa: B018


def test_client_works_beside_files_named_as_our_packages(service: NoiseSweep, tmp_path: Path) -> None:
    write_namesakes(tmp_path)
    script = tmp_path / "mine.py"
    script.write_text(
        "import sys\nfrom noisesweep import NoiseSweep\n"
        "with NoiseSweep(sys.argv[1]) as service:\n    print(service.submit(scales=[0.5], dataset='digits').id)\n"
    )
    run = subprocess.run(
        [sys.executable, script, service.url], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.split() == [sweep.id for sweep in service.sweeps()]


def test_the_package_is_marked_as_typed() -> None:
    assert (files("noisesweep") / "py.typed").is_file()
