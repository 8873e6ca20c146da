"""Web archives and the pages in them."""
