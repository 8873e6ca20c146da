"""One answer out of several, and what choosing is worth."""
