"""How much a text surprises a model of good text in its language."""
