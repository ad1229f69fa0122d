"""The dashboard: pages for people, which read and write through the same public endpoints as every client."""
