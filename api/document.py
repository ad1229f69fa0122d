"""Texts of the OpenAPI document: description, licence, contact and tags."""

from typing import Any

DESCRIPTION = """\
How does the accuracy of an image classifier change as noise grows? Submit a list of noise scales. The service trains
one network on noisy images for each scale, and returns plots and the metrics of every epoch.

All durations are in seconds, all times in UTC. Errors are problem documents (RFC 9457).

Within a major version, routes, operation ids, fields and problem types stay. Later versions may add optional fields to
requests, and fields, events and problem types to answers: ignore those that you do not know.
"""
# Added to the description if the documentation was built.
GUIDE_LINK = "\n[The guide](guide/) contains a tutorial, how-to guides, and the definition of every figure.\n"
LICENCE = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
CONTACT = {"name": "The maintainers of noisesweep"}
_TAGS = {
    "sweeps": "A sweep is a grid of noise scales and seeds that share one training config.",
    "plots": "Figures as PNG, SVG or PDF, or the numbers in them as JSON.",
    "runs": "A run is one training of one network at one scale with one seed.",
    "events": "What happens to a sweep or a run, as server-sent events or as pages of JSON.",
    "keys": "API keys and their roles. Only administrators create and revoke keys.",
    "queue": "How many runs wait and run.",
    "workers": "The processes that train.",
    "metrics": "Metrics for Prometheus.",
    "datasets": "Built-in data sets, and those that were added.",
    "noise": "Previews of the noise that runs train on.",
    "health": "Probes of a load balancer or an orchestrator.",
    "problems": "Pages that explain the types of errors.",
}
TAGS: list[dict[str, Any]] = [{"name": name, "description": text} for name, text in _TAGS.items()]
