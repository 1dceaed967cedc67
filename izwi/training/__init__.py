"""Models fitted on training rows: folds, runs, tuning, calibration."""
