"""Predictions become measures with intervals, comparisons and fairness."""
