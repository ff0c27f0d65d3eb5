"""What is promised about privacy, and what it costs."""
