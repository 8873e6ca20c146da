"""The commands: each its signature, its work, and its lines for people."""
