"""Training of a found network, and its evaluation."""
