"""Supernet, found network, decoders and heads."""
