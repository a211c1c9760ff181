"""What a compiled training step is made of."""
