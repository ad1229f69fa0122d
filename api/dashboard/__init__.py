"""Dashboard: web pages that use the public API like any other client."""
