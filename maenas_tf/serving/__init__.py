"""Trained networks for others to use: export, signatures, prediction."""
