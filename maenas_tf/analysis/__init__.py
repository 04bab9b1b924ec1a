"""What can be said about a search: benchmarks, plots, statistics."""
