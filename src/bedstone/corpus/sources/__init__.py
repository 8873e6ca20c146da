"""What is fetched: pages and parallel text out of this machine's packages."""
