"""Loss by size: known laws, fits of one's own, and what they do with a budget."""
