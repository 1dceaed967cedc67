"""Changed copies of recordings: augmented ones to train on, degraded ones to test on."""
