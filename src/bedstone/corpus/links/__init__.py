"""Addresses of documents: their keys, their sites, and tables and lists that name them."""
