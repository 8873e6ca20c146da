"""Whether a model is good, per language, with intervals."""
