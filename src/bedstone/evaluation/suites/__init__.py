"""Sets of items: those that are read, and those that are made."""
