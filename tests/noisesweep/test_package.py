"""Public names and types of the package, and user modules with the same names as its own."""

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
from tests.noisesweep.local.test_launcher import write_conflicting_modules


def test_client_keywords_match_request_fields() -> None:
    # The service fills in the content of a data set. `hidden_units` is short for a `model`.
    fields = {*SweepRequest.model_fields, "hidden_units"} - {"own_dataset"}
    assert {"scales", *SweepFields.__annotations__} == fields


def test_both_clients_have_the_same_methods() -> None:
    for sync_class, async_class in ((NoiseSweep, AsyncNoiseSweep), (SweepHandle, AsyncSweepHandle)):
        sync_names = {name for name in vars(sync_class) if not name.startswith("_")}
        async_names = {name for name in vars(async_class) if not name.startswith("_")}
        assert {name.removeprefix("a") if name == "aclose" else name for name in async_names} == sync_names
        for name in sync_names - {"close"}:
            sync_method, async_method = getattr(sync_class, name), getattr(async_class, name)
            if callable(sync_method):
                assert list(inspect.signature(sync_method).parameters) == list(
                    inspect.signature(async_method).parameters
                )


def test_all_public_names_can_be_imported() -> None:
    assert all(inspect.isclass(getattr(noisesweep, name)) for name in noisesweep.__all__)
    with pytest.raises(AttributeError, match="Trainer"):
        noisesweep.Trainer  # noqa: B018


def test_client_ignores_user_modules_with_the_same_names(service: NoiseSweep, tmp_path: Path) -> None:
    write_conflicting_modules(tmp_path)
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


def test_package_is_marked_as_typed() -> None:
    assert (files("noisesweep") / "py.typed").is_file()
