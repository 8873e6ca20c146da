"""From tokens to a base model."""
