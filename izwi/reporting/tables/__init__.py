"""Tables of a result set: experiments in rows and columns, their controls, their tests.

``wanted`` and ``controls`` are read when a workflow is planned and import nothing heavy;
``contents`` computes what the cells hold, ``writing`` shows it.
"""
