"""What one decision did to the model."""
