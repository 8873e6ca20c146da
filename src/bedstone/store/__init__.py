"""What every stage shares: artifacts, requests, recipes, and what is behind them."""
