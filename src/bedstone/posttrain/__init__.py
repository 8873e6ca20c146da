"""From a base model to one with chosen behaviour."""
