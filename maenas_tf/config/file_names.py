"""Names of files that rooms below `runs` know too."""

# What a run directory is named by as a genotype.
GENOTYPE = "genotype.json"
