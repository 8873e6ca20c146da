"""Which language a text is in, and how far the answer can be trusted."""
