"""Circuits become fast behaviour with a stated error and a validity box."""
