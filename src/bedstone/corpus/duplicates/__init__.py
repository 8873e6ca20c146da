"""Exact and near-duplicates: signatures, and clusters of them."""
