"""Analyses of an experiment beside its figures."""
