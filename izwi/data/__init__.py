"""What is read and written: databases, label tables, audio, CSV files."""

# As a target: the name of the database that a row is from.
DATABASE = "database"
