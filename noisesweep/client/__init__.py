"""The Python client: written in _async, from which `make generate` derives _sync."""
