"""To translate, to answer, to translate back: what the detour gains, and what it loses."""
