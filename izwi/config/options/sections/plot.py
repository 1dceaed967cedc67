"""Options of ``[PLOT]``."""

from __future__ import annotations

from izwi.config.options.option import Option, known, option, read_by
from izwi.reporting.pictures import OF_METRICS

OPTIONS: tuple[Option, ...] = (
    *read_by(
        "PLOT",
        "plot",
        option(
            "value_counts",
            "bool|list",
            False,
            "plot the distribution of the target in each part; a list of columns: of these, too",
        ),
        *(
            option(
                name,
                "bool|list",
                False,
                f"map of the features in two dimensions by {method}, coloured by the target; a "
                "list of columns: by these, too",
            )
            for name, method in (
                ("tsne", "t-SNE"),
                ("umap", "UMAP"),
                ("pca", "principal components"),
            )
        ),
        option(
            "epoch_progression",
            "bool",
            False,
            "plot loss and measure on train and dev over the epochs of a net",
            aliases=("plot_epoch_progression",),
        ),
        option(
            "runs_compare",
            "bool|str",
            False,
            "the values of all runs of the experiments of the config side by side (EXP.runs > 1), "
            "called by their features, models or databases",
            choices=(False, True, "features", "models", "databases"),
        ),
        option(
            "format",
            "list",
            "png",
            "one or more file formats of plots",
            choices=("png", "pdf", "svg", "eps"),
        ),
    ),
    *read_by(
        "PLOT",
        "evaluate",
        option(
            "uncertainty_threshold",
            "float",
            None,
            "additional values and a confusion matrix for predictions with a lower uncertainty "
            "(the entropy as a share of the largest possible)",
            minimum=0,
            maximum=1,
        ),
        option(
            "combine_per_speaker",
            "str",
            None,
            "additional values and a confusion matrix with one decision per speaker: the majority "
            "of the predictions (`mode`) or the mean of probabilities or numbers (`mean`)",
            choices=("mode", "mean"),
        ),
    ),
    *read_by(
        "PLOT",
        "plot",
        *(option(name, "bool", False, entry.doc) for name, entry in OF_METRICS.items()),
    ),
    *read_by(
        "PLOT",
        "analyse",
        option(
            "learning_curve",
            "bool",
            False,
            "plot the measure on training and test set against the amount of training data",
        ),
    ),
    *known(
        "PLOT",
        "inert",
        "a choice on test rows makes their value too good: use dev rows (EXP.traindevtest), on "
        "which run and epoch are chosen, and PLOT.epoch_progression",
        best_model="confusion matrix of the run and epoch that are best on the test set",
        plot_best_model="the same",
    ),
    *known(
        "PLOT",
        "inert",
        "",
        name="beginning of the plots' file names",
        epochs="a plot per epoch",
        anim_progression="animation of the epochs",
        fps="frames per second of the animation",
        ccc="CCC in the titles of plots; in izwi always there",
        fill_areas="filled areas in distributions",
        titles="titles of plots",
        kind="kind of plot of feature distributions",
    ),
    *known(
        "PLOT",
        "inert",
        "EXPL.sample_selection restricts pictures of the data",
        sample_selection="what is plotted",
    ),
)
