"""HTTP layer of the API: auth, conditional requests, idempotency, problem documents, limits and telemetry."""
