"""Between features and model: scaling, selection, imputation, balancing, bins."""
