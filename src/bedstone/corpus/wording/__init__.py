"""Words and titles that a list or a glance takes offence at: counts, and no verdict."""
