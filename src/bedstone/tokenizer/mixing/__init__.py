"""How much of each language, and how often it is read."""
