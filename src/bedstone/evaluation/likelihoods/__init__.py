"""How likely a model takes given text to be."""
