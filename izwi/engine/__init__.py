"""From units of work to a call of Snakemake: plan, keys, jobs, workers, locks."""
