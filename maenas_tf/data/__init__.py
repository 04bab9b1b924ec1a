"""Images: from a source to batches of disjoint halves."""
