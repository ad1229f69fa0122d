"""API keys: those in the settings and those in the store, and what each may see and change."""
