"""The built documentation, as the API serves it."""

import asyncio
import os
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


def get(app: FastAPI, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
    async def fetch() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://localhost") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(fetch())


def test_guide_is_served_and_linked(app: FastAPI) -> None:
    page = get(app, "/guide/")
    assert page.text == "<h1>noisesweep</h1>"
    assert "script-src 'self' 'unsafe-inline'" in page.headers["Content-Security-Policy"]
    assert "(guide/)" in get(app, "/openapi.json").json()["info"]["description"]


@pytest.mark.parametrize(("path", "target"), [("/guide", "./guide/"), ("/guide/how-to", "./how-to/")])
def test_redirects_to_folders_are_relative(app: FastAPI, guide: Path, path: str, target: str) -> None:
    (guide / "how-to").mkdir()
    (guide / "how-to" / "index.html").write_text("how to")
    answer = get(app, path)
    assert (answer.status_code, answer.headers["Location"]) == (307, target)
    assert get(app, str(answer.next_request and answer.next_request.url.path)).status_code == 200


def test_two_versions_of_a_page_have_different_etags(tmp_path: Path) -> None:
    pages = []
    for text in ("<p>old", "<p>new"):
        folder = tmp_path / text
        folder.mkdir()
        (folder / "index.html").write_text(text)
        os.utime(folder / "index.html", (1580601600, 1580601600))  # as in a package that was built reproducibly
        app = create_app(Settings(), Limits(), folder)
        pages.append(get(app, "/guide/"))
    old, new = pages
    assert (len(old.content), old.headers.get("Last-Modified")) == (len(new.content), new.headers.get("Last-Modified"))
    assert old.headers["ETag"] != new.headers["ETag"]
    since = {"If-Modified-Since": "Sun, 02 Feb 2020 00:00:00 GMT"}
    for known, status in ((old.headers["ETag"], 200), (new.headers["ETag"], 304)):
        assert get(app, "/guide/", since | {"If-None-Match": known}).status_code == status
    assert get(app, "/guide/", since).status_code == 200
    part = {"Range": "bytes=3-"}
    for known, status in ((old.headers["ETag"], 200), (new.headers["ETag"], 206)):
        assert get(app, "/guide/", part | {"If-Range": known}).status_code == status


@pytest.mark.parametrize("has_page", [False, True])
def test_unknown_page_of_the_guide_is_a_problem_document(app: FastAPI, guide: Path, has_page: bool) -> None:
    if has_page:  # from the generator of the documentation, for a host of its own
        (guide / "404.html").write_text('<link rel="stylesheet" href="/assets/main.css">')
    answer = get(app, "/guide/nothing.html")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["detail"] == "There is no route for /guide/nothing.html; /docs lists all."


def test_files_outside_the_guide_are_not_served(app: FastAPI, guide: Path) -> None:
    (guide.parent / "secret.html").write_text("secret")
    assert get(app, "/guide/%2e%2e/secret.html").status_code == 404


def test_service_without_built_guide_does_not_link_to_it(tmp_path: Path) -> None:
    app = create_app(Settings(), Limits(), tmp_path / "guide")
    assert get(app, "/guide/").status_code == 404
    assert "guide/" not in get(app, "/openapi.json").json()["info"]["description"]
