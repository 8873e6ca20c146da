"""What of a web page is its content: blocks of text, what is known of each, which are kept."""
