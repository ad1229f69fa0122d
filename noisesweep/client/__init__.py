"""Python client. `make generate` derives the synchronous version in _sync from _async."""
