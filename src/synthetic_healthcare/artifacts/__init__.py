"""Model files: safetensors and JSON in one checked container. Loading runs no code."""
