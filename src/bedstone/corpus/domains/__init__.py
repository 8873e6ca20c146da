"""How much of a domain there is: which documents a person labels, and what the labels say."""
