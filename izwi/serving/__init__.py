"""A trained model at work on new audio: command line and web page."""
