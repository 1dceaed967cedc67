"""Data written for use elsewhere: audio at a rate and in a format, with tables beside it."""

FORMATS = ("wav", "flac", "mp3")
BITS = (16, 24, 32)
