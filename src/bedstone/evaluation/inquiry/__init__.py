"""What `bedstone evaluate` asks, and what it says of the answers."""
