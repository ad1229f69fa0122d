# Generated from noisesweep/client/_async/__init__.py by scripts/unasync.py (make generate); do not edit.
"""Synchronous client."""
