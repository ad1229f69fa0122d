"""HTTP concerns of the API: auth, conditional requests, idempotency, problem documents, limits, telemetry."""
