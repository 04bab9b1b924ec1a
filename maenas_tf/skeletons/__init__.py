"""Plans of networks: what stands where, and what it costs."""
