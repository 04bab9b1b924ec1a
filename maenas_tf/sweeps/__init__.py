"""Many searches: every combination of settings and seeds."""
