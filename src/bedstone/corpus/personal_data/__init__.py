"""Identifiers of persons in texts: where they stand, what takes their place, how well."""
