"""What is read and written: databases, label tables, audio, CSV files."""

# As a target: the name of the database that a row is from.
DATABASE = "database"
# Sampling rates in Hz that are read and written. Speech needs a tenth of the upper one; below the
# lower one resampling makes much of little.
RATES = (1_000, 384_000)
# In ``attrs`` of a label table: values of the target that ``labels`` does not list.
UNLISTED = "unlisted"
