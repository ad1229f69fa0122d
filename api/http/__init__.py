"""How the API speaks HTTP: auth, conditional requests, idempotency, problem documents, limits, telemetry."""
