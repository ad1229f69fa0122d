"""HTTP layer of the API: auth, conditional requests, problem documents, limits and telemetry."""
