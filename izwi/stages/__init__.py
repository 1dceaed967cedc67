"""The stages, one module each: which units an experiment needs, and how to make one unit.

See `izwi.engine.stage` for the contents of a module. Slow imports belong inside ``run``: all stages
are imported whenever a call is planned.
"""
