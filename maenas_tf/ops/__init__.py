"""The layers behind the primitive names."""
