"""Any loss, step by step."""
