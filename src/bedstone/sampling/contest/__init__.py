"""Ways to sample, compared: what is asked, drawn and concluded."""
