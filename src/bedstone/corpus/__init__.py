"""From crawl records to a curated, measured training set."""
