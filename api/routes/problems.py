"""/problems: one page per problem type."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException

from api.dashboard.pages import page
from api.errors import PROBLEM_TYPES
from api.http.problems import problem_responses

router = APIRouter(prefix="/problems", tags=["problems"])


@router.get("", response_class=HTMLResponse)
async def list_problems() -> HTMLResponse:
    """List all problem types."""
    return page("problems", ".", problem_types=tuple(PROBLEM_TYPES.values()))


@router.get("/{slug}", response_class=HTMLResponse, responses=problem_responses(HTTPStatus.NOT_FOUND))
async def explain_problem(
    slug: Annotated[str, Path(description="The problem type.", examples=["not-found"])],
) -> HTMLResponse:
    """Explain one problem type and what to do about it."""
    if slug not in PROBLEM_TYPES:
        raise HTTPException(HTTPStatus.NOT_FOUND)
    return page("problem", "..", problem_type=PROBLEM_TYPES[slug])
