"""Each language's share, against its share of the world's speakers."""
