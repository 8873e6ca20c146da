"""The architecture."""
