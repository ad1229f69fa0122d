"""Formats of pictures, by their first bytes."""

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
