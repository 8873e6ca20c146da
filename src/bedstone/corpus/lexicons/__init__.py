"""Lists of words, where texts have them, and what a title has: counts, and no verdict."""
