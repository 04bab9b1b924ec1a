"""Command-line tools: `python -m tools.NAME --helpshort` explains each."""
