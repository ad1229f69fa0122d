"""/problems: one page per problem type."""

from html import escape
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.errors import PROBLEM_TYPES
from api.http import security
from api.http.problem_types import ProblemType
from api.http.problems import problem_responses

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
    return HTMLResponse(page, headers={"Content-Security-Policy": security.PAGE_CSP})


# The links between the pages are relative, so they also work below the root path of a proxy.
def _entry(problem_type: ProblemType) -> str:
    return f'<li><a href=".{problem_type.path}">{escape(problem_type.title)}</a> ({problem_type.status.value})'


@router.get("", response_class=HTMLResponse)
async def list_problems() -> HTMLResponse:
    """List all problem types."""
    return _page("Problems", f"<ul>{''.join(map(_entry, PROBLEM_TYPES.values()))}</ul>")


@router.get("/{slug}", response_class=HTMLResponse, responses=problem_responses(HTTPStatus.NOT_FOUND))
async def explain_problem(
    slug: Annotated[str, Path(description="The problem type.", examples=["not-found"])],
) -> HTMLResponse:
    """Explain one problem type and what to do about it."""
    if slug not in PROBLEM_TYPES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    problem_type = PROBLEM_TYPES[slug]
    status = f"<p>Status {problem_type.status.value}, {problem_type.status.phrase}.</p>"
    others = '<p><a href="../problems">All problems</a></p>'
    return _page(problem_type.title, f"<p>{escape(problem_type.explanation)}</p>{status}{others}")
