"""The stages, one module each: which units an experiment wants, and how one unit is made.

See `izwi.engine.stage` for what a module holds. Imports that take time stand inside ``run``:
all stages are imported whenever a call is planned.
"""
