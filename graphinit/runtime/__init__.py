"""What runs: programs and the executor."""
