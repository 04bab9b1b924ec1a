"""Pictures: cells, architecture weights, charts."""
