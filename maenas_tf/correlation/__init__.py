"""Whether a loss ranks architectures as their true accuracy does."""
