"""What a model has, needs and computes, counted from its shape."""
