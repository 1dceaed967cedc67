"""izwi: machine learning on speech databases, as a Snakemake workflow.

This package holds what the workflow does, and knows nothing of Snakemake.
"""

__version__ = "0.1.0"
