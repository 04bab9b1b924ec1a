"""Detection of objects with a found network as the backbone."""
