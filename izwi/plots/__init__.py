"""Pictures, one function per kind; the ending of the path (png, pdf, svg, eps) sets the format.

All are drawn for print: text of at least 7 points at the final width (85 mm, one column, if the
content allows), colours that colour-blind readers can distinguish, and shapes or hatches in
addition for print in grey. The same data give the same bytes. Each function returns what it has
drawn, as rows of a table, see `izwi.plots.data`.
"""

from izwi.plots.by_group import fairness, importance, recall, robustness
from izwi.plots.columns import column_values
from izwi.plots.confusion import confusion_matrix
from izwi.plots.counts import value_counts
from izwi.plots.curve import learning_curve
from izwi.plots.embedding import draw_map, embed
from izwi.plots.epochs import epoch_progression
from izwi.plots.heat_map import heat_map
from izwi.plots.pairs import correlations, feature_correlation, regplot
from izwi.plots.probabilities import reliability, risk_coverage, uncertainty
from izwi.plots.runs import runs_compare
from izwi.plots.scatter import truth_prediction
from izwi.plots.trees import tree
from izwi.plots.violins import feature_distributions

__all__ = [
    "column_values",
    "confusion_matrix",
    "correlations",
    "draw_map",
    "embed",
    "epoch_progression",
    "fairness",
    "feature_correlation",
    "feature_distributions",
    "heat_map",
    "importance",
    "learning_curve",
    "recall",
    "regplot",
    "reliability",
    "risk_coverage",
    "robustness",
    "runs_compare",
    "tree",
    "truth_prediction",
    "uncertainty",
    "value_counts",
]
