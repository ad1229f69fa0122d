"""The built documentation, as the API serves it."""

import asyncio
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from api.app import create_app
from api.limits import Limits
from shared.settings import Settings


@pytest.fixture
def guide(tmp_path: Path) -> Path:
    folder = tmp_path / "guide"
    folder.mkdir()
    (folder / "index.html").write_text("<h1>noisesweep</h1>")
    return folder


@pytest.fixture
def app(guide: Path) -> FastAPI:
    return create_app(Settings(), Limits(), guide)


def get(app: FastAPI, path: str) -> httpx.Response:
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get(path)

    return asyncio.run(fetch())


def test_guide_is_served_and_linked(app: FastAPI) -> None:
    page = get(app, "/guide/")
    assert page.text == "<h1>noisesweep</h1>"
    assert "script-src 'self' 'unsafe-inline'" in page.headers["Content-Security-Policy"]
    assert "(/guide/)" in get(app, "/openapi.json").json()["info"]["description"]


@pytest.mark.parametrize(("path", "target"), [("/guide", "./guide/"), ("/guide/how-to", "./how-to/")])
def test_redirects_to_folders_are_relative(app: FastAPI, guide: Path, path: str, target: str) -> None:
    (guide / "how-to").mkdir()
    (guide / "how-to" / "index.html").write_text("how to")
    answer = get(app, path)
    assert (answer.status_code, answer.headers["Location"]) == (307, target)
    assert get(app, str(answer.next_request and answer.next_request.url.path)).status_code == 200


def test_unknown_page_of_the_guide_is_a_problem_document(app: FastAPI) -> None:
    answer = get(app, "/guide/nothing.html")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_files_outside_the_guide_are_not_served(app: FastAPI, guide: Path) -> None:
    (guide.parent / "secret.html").write_text("secret")
    assert get(app, "/guide/%2e%2e/secret.html").status_code == 404


def test_service_without_built_guide_does_not_link_to_it(tmp_path: Path) -> None:
    app = create_app(Settings(), Limits(), tmp_path / "guide")
    assert get(app, "/guide/").status_code == 404
    assert "/guide/" not in get(app, "/openapi.json").json()["info"]["description"]
