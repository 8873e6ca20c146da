"""What can be said of a model from the outcomes of a test, and how surely."""
