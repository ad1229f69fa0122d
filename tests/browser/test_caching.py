"""Answers that the browser caches and revalidates."""

from tests.support.browser import Visit

FETCH = """async ([url, accept]) => {
    const answer = await fetch(url, {headers: {Accept: accept}})
    return [answer.headers.get('Content-Type').split(';')[0], (await answer.text()).slice(0, 6)]
}"""


def test_browser_shows_the_requested_format_of_results(visit: Visit, finished: str) -> None:
    page = visit.open("/ui")
    expected = {"application/json": '{"swee', "text/csv": "run_id"}
    for media_type in [*expected, *expected]:
        assert page.evaluate(FETCH, [f"/sweeps/{finished}/results", media_type]) == [media_type, expected[media_type]]
