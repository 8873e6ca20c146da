"""A part of somebody else's crawl, fetched without being a burden to them."""
