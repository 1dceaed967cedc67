"""What is read and written: databases, label tables, audio, CSV files."""

# As a target: the name of the database that a row is from.
DATABASE = "database"
RATES = (1_000, 384_000)  # sampling rates in Hz that are read and written
# In ``attrs`` of a label table: values of the target that ``labels`` does not list.
UNLISTED = "unlisted"
