"""What an experiment finds out beside its figures."""
