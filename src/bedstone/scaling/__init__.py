"""How large a model, and for how long: counts, laws and plans."""
