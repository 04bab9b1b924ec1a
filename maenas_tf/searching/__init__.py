"""The search itself, from a configuration to a genotype."""
