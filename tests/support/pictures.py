"""Signatures of image formats."""

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
