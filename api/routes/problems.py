"""/problems: what each kind of problem means and what to do about it."""

from html import escape
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.http import security
from api.http.problem_types import Kind
from api.http.problems import KINDS, documented

router = APIRouter(prefix="/problems", tags=["problems"])

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{title} - noisesweep</title>
<style>body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem }}</style>
<h1>{title}</h1>
{content}
</html>
"""


def _page(title: str, content: str) -> HTMLResponse:
    page = PAGE.format(title=escape(title), content=content)
    return HTMLResponse(page, headers={"Content-Security-Policy": security.PAGE})


def _entry(kind: Kind) -> str:
    return f'<li><a href="{kind.address}">{escape(kind.title)}</a> ({kind.status.value})'


@router.get("", response_class=HTMLResponse)
async def list_problems() -> HTMLResponse:
    """All kinds of problems that answers name in `type`."""
    return _page("Problems", f"<ul>{''.join(map(_entry, KINDS.values()))}</ul>")


@router.get("/{slug}", response_class=HTMLResponse, responses=documented(HTTPStatus.NOT_FOUND))
async def explain_problem(slug: Annotated[str, Path(description="The kind.", examples=["not-found"])]) -> HTMLResponse:
    """What one kind of problem means and what to do about it."""
    if slug not in KINDS:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    kind = KINDS[slug]
    status = f"<p>Status {kind.status.value}, {kind.status.phrase}.</p>"
    others = '<p><a href="/problems">All problems</a></p>'
    return _page(kind.title, f"<p>{escape(kind.explanation)}</p>{status}{others}")
