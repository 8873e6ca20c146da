"""Published quality rules: what they count, and how they judge."""
