"""What is read and written: databases, label tables, audio, CSV files."""
