"""izwi: one ini, or many, become results. See README.md."""

from snakemake.utils import min_version

min_version("9.0")


include: "rules/common.smk"


localrules:
    all,


rule all:
    default_target: True
    input:
        lambda wildcards: SESSION.targets(),


include: "rules/data.smk"
include: "rules/features.smk"
include: "rules/models.smk"
include: "rules/augmentation.smk"
include: "rules/results.smk"


onstart:
    SESSION.started()


onsuccess:
    SESSION.succeeded(str(log[0] if isinstance(log, list) and log else ""))


onerror:
    SESSION.failed(str(log[0] if isinstance(log, list) else log))
