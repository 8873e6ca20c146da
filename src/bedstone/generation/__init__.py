"""From a prompt to its completion."""
