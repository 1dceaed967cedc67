"""Recordings cut into segments: stretches of speech, or windows of one length."""

METHODS = ("silero", "fixed")
# Seconds; of what is a detail of speech, more is a slip.
LONGEST_PAUSE = 60
