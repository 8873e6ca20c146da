"""From logits to text, and the comparison of ways to get there."""
