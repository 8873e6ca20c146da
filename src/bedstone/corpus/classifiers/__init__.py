"""Classifiers of texts that are learnt from examples, and what is told of them."""
