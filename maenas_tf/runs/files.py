"""The names of the files in a run directory."""

PREPROCESSING = "preprocessing.json"
