"""Support vector machines, linear models, neighbours and densities as nodes, in double."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from izwi.onnx_export.graph import Graph

    # Place of the class among the model's, or the value of a regression; probabilities.
    from izwi.onnx_export.models import Found


def linear(graph: Graph, x: str, coefficients: np.ndarray, intercept: Any) -> str:
    """``x w' + b``, shape (samples, rows of w)."""
    product = graph.add("MatMul", x, graph.constant(np.atleast_2d(coefficients).T))
    return graph.add("Add", product, graph.constant(np.atleast_1d(intercept)))


def argmax(graph: Graph, scores: str) -> str:
    """Place of the largest score of each row."""
    return graph.add("ArgMax", scores, axis=1, keepdims=0)


def regression(graph: Graph, x: str, model: Any) -> Found:
    """Least squares, with a penalty or without."""
    return linear(graph, x, model.estimator.coef_, model.estimator.intercept_), None


def logistic(graph: Graph, x: str, model: Any) -> Found:
    """Logistic regression: softmax of linear scores, of two classes a sigmoid."""
    scores = linear(graph, x, model.estimator.coef_, model.estimator.intercept_)
    if len(model.classes) == 2:
        p = graph.add("Sigmoid", scores)
        p = graph.add("Concat", graph.add("Sub", graph.constant(1.0), p), p, axis=1)
        return _two(graph, scores), p
    return argmax(graph, scores), graph.add("Softmax", scores, axis=1)


def linear_machine(graph: Graph, x: str, model: Any) -> Found:
    """The linear machine's decision, and its sigmoids, normalised."""
    from izwi.models.coupling import LEAST

    scores = linear(graph, x, model.estimator.coef_, model.estimator.intercept_)
    decision = _two(graph, scores) if len(model.classes) == 2 else argmax(graph, scores)
    p = _sigmoids(graph, scores, model.sigmoids, LEAST)
    if len(model.classes) == 2:
        return decision, graph.add("Concat", graph.add("Sub", graph.constant(1.0), p), p, axis=1)
    return decision, graph.normalised(p)


def machine(graph: Graph, x: str, model: Any) -> Found:
    """The machine's votes, and the coupled probabilities of its pairs of classes."""
    pairs = _pairs(graph, x, model.estimator)
    classes = len(model.classes)
    votes = []
    positive = graph.double(graph.add("Greater", pairs, graph.constant(0.0)))
    # A pair votes for its first class where its value is above 0, else for the second.
    for first_or_second in (0, 1):
        table = np.zeros((classes * (classes - 1) // 2, classes))
        for place, pair in enumerate(itertools.combinations(range(classes), 2)):
            table[place, pair[first_or_second]] = 1
        sided = graph.add("Sub", graph.constant(1.0), positive) if first_or_second else positive
        votes.append(graph.add("MatMul", sided, graph.constant(table)))
    return argmax(graph, graph.add("Add", *votes)), _coupled(graph, pairs, model.sigmoids, classes)


def machine_regression(graph: Graph, x: str, model: Any) -> Found:
    """The sum of the kernel's values with the support vectors."""
    own = model.estimator
    kernel = _kernel(graph, x, own)
    return linear(graph, kernel, own.dual_coef_, own.intercept_), None


def neighbours(graph: Graph, x: str, model: Any) -> Found:
    """Nearest neighbours by the Euclidean distance."""
    own = model.estimator
    rows = np.asarray(own._fit_X, dtype=np.float64)
    known, number = graph.constant(rows), graph.numbers(own.n_neighbors)
    near = graph.add("Neg", _squared_distances(graph, x, rows))
    _, places = graph.add("TopK", near, number, axis=1, largest=1, sorted=1, outputs=2)
    weights = None
    if own.weights == "distance":
        # Exact, since the product above cannot tell 0 from almost 0.
        found = graph.add("Gather", known, places, axis=0)
        apart = graph.add("Sub", graph.add("Unsqueeze", x, graph.numbers(1)), found)
        distance = graph.add("Sqrt", graph.sum(graph.add("Mul", apart, apart), 2, keep=False))
        same = graph.double(graph.add("Equal", distance, graph.constant(0.0)))
        any_same = graph.add("Greater", graph.sum(same, 1), graph.constant(0.0))
        inverse = graph.add("Div", graph.constant(1.0), distance)
        weights = graph.add("Where", any_same, same, inverse)
    if model.task == "regression":
        values = graph.add("Gather", graph.constant(own._y), places, axis=0)
        if weights is None:
            return graph.add("ReduceMean", values, graph.numbers(1), keepdims=1), None
        total = graph.sum(graph.add("Mul", values, weights), 1)
        return graph.add("Div", total, graph.sum(weights, 1)), None
    codes = np.eye(len(model.classes))[np.searchsorted(model.classes, own.classes_[own._y])]
    votes = graph.add("Gather", graph.constant(codes), places, axis=0)
    if weights is not None:
        votes = graph.add("Mul", votes, graph.add("Unsqueeze", weights, graph.numbers(2)))
    p = graph.normalised(graph.sum(votes, 1, keep=False))
    return argmax(graph, p), p


def bayes(graph: Graph, x: str, model: Any) -> Found:
    """Gaussian naive Bayes."""
    own = model.estimator
    wide = graph.add("Unsqueeze", x, graph.numbers(1))
    apart = graph.add("Sub", wide, graph.constant(own.theta_[None]))
    terms = graph.add("Div", graph.add("Mul", apart, apart), graph.constant(own.var_[None]))
    constant = np.log(own.class_prior_) - 0.5 * np.log(2 * np.pi * own.var_).sum(axis=1)
    halved = graph.add("Mul", graph.sum(terms, 2, keep=False), graph.constant(-0.5))
    joint = graph.add("Add", halved, graph.constant(constant[None]))
    return argmax(graph, joint), graph.add("Softmax", joint, axis=1)


def mixtures(graph: Graph, x: str, model: Any) -> Found:
    """Bayes' rule over a Gaussian mixture per class."""
    columns = [_density(graph, x, mixture) for mixture in model.mixtures]
    joint = graph.add("Concat", *columns, axis=1)
    joint = graph.add("Add", joint, graph.constant(np.log(model.priors)[None]))
    return argmax(graph, joint), graph.add("Softmax", joint, axis=1)


def _density(graph: Graph, x: str, mixture: Any) -> str:
    """Logarithm of the density of a mixture, shape (samples, 1)."""
    features = mixture.means_.shape[1]
    columns = []
    for place, (mean, weight) in enumerate(zip(mixture.means_, mixture.weights_, strict=True)):
        kind, root = mixture.covariance_type, mixture.precisions_cholesky_
        # Upper triangles whose squares are the inverse covariances, or roots of single variances.
        own = root if kind == "tied" else root[place]
        centred = graph.add("Sub", x, graph.constant(mean))
        if kind in ("full", "tied"):
            white = graph.add("MatMul", centred, graph.constant(own))
            log_root = float(np.log(np.diag(own)).sum())
        else:
            white = graph.add("Mul", centred, graph.constant(own))
            log_root = float(np.sum(np.log(own)) * (features if kind == "spherical" else 1))
        square = graph.sum(graph.add("Mul", white, white), 1)
        constant = log_root + np.log(weight) - 0.5 * features * np.log(2 * np.pi)
        halved = graph.add("Mul", square, graph.constant(-0.5))
        columns.append(graph.add("Add", halved, graph.constant(constant)))
    joint = graph.add("Concat", *columns, axis=1)
    top = graph.add("ReduceMax", joint, graph.numbers(1), keepdims=1)
    spread = graph.add("Exp", graph.add("Sub", joint, top))
    return graph.add("Add", graph.add("Log", graph.sum(spread, 1)), top)


def _two(graph: Graph, scores: str) -> str:
    """Place of the class of a single score: the second above 0."""
    from onnx import TensorProto

    positive = graph.add("Greater", scores, graph.constant(0.0))
    return graph.add("Squeeze", graph.add("Cast", positive, to=TensorProto.INT64), graph.numbers(1))


def _squared_distances(graph: Graph, x: str, rows: np.ndarray) -> str:
    own = graph.sum(graph.add("Mul", x, x), 1)
    product = graph.add("MatMul", x, graph.constant(-2 * rows.T))
    total = graph.add("Add", graph.add("Add", product, own), graph.constant((rows**2).sum(axis=1)))
    return graph.add("Max", total, graph.constant(0.0))


def _kernel(graph: Graph, x: str, own: Any) -> str:
    """Values of the kernel with the support vectors, shape (samples, support vectors)."""
    vectors, gamma = own.support_vectors_, float(own._gamma)
    if own.kernel == "rbf":
        distance = _squared_distances(graph, x, vectors)
        return graph.add("Exp", graph.add("Mul", distance, graph.constant(-gamma)))
    product = graph.add("MatMul", x, graph.constant(vectors.T))
    if own.kernel == "linear":
        return product
    product = graph.add("Mul", product, graph.constant(gamma))
    product = graph.add("Add", product, graph.constant(float(own.coef0)))
    if own.kernel == "poly":
        return graph.add("Pow", product, graph.constant(float(own.degree)))
    return graph.add("Tanh", product)


def _pairs(graph: Graph, x: str, own: Any) -> str:
    """Decision values of all pairs of classes, above 0 for the first of a pair."""
    sizes = own.n_support_
    ends = np.cumsum(sizes)
    starts = ends - sizes
    places = list(itertools.combinations(range(len(sizes)), 2))
    weights = np.zeros((len(own.support_vectors_), len(places)))
    coefficients = own._dual_coef_
    for column, (i, j) in enumerate(places):
        weights[starts[i] : ends[i], column] = coefficients[j - 1, starts[i] : ends[i]]
        weights[starts[j] : ends[j], column] = coefficients[i, starts[j] : ends[j]]
    product = graph.add("MatMul", _kernel(graph, x, own), graph.constant(weights))
    return graph.add("Add", product, graph.constant(own._intercept_))


def _sigmoids(graph: Graph, values: str, fitted: np.ndarray, least: float) -> str:
    odds = graph.add("Mul", values, graph.constant(fitted[:, 0]))
    odds = graph.add("Add", odds, graph.constant(fitted[:, 1]))
    p = graph.add("Max", graph.add("Sigmoid", odds), graph.constant(least))
    return graph.add("Min", p, graph.constant(1 - least))


def _coupled(graph: Graph, pairs: str, fitted: np.ndarray, classes: int) -> str:
    """Probabilities of classes from those of pairs, as `izwi.models.coupling.couple`.

    The linear system of each sample is solved by elimination, a step per class and one for the
    sum; no rows are exchanged.
    """
    from izwi.models.coupling import LEAST

    # Of two classes, scikit-learn's values, on which the sigmoids were fitted, are the opposite.
    values = graph.add("Neg", pairs) if classes == 2 else pairs
    p = _sigmoids(graph, values, fitted, LEAST)
    rest = graph.add("Sub", graph.constant(1.0), p)
    both = graph.add("Concat", p, rest, axis=1)
    number = classes * (classes - 1) // 2
    size = classes + 1
    # The sum goes before the last class: without that class the form is definite, with it almost
    # singular where the pairs agree with each other.
    at = [*range(classes - 1), classes]
    middle = classes - 1
    cross = np.zeros((number, size * size))
    squares = np.zeros((2 * number, size * size))
    for place, (i, j) in enumerate(itertools.combinations(range(classes), 2)):
        cross[place, at[i] * size + at[j]] = cross[place, at[j] * size + at[i]] = -1
        # Of a class, the squares of what the others have against it.
        squares[place, at[j] * size + at[j]] = 1
        squares[number + place, at[i] * size + at[i]] = 1
    border = np.zeros((size, size))
    border[at, middle] = border[middle, at] = 1
    system = graph.add(
        "Add",
        graph.add("MatMul", graph.add("Mul", p, rest), graph.constant(cross)),
        graph.add("MatMul", graph.add("Mul", both, both), graph.constant(squares)),
    )
    system = graph.add("Add", system, graph.constant(border.reshape(1, -1)))
    system = graph.add("Reshape", system, graph.numbers(-1, size, size))
    right = np.zeros((1, size, 1))
    right[0, middle] = 1
    ones = graph.add(
        "Mul", graph.add("Slice", system, *_range(graph, 0, 1, 2)), graph.constant(0.0)
    )
    system = graph.add("Concat", system, graph.add("Add", ones, graph.constant(right)), axis=2)
    for step in range(size):
        row = graph.add("Slice", system, *_range(graph, step, step + 1, 1))
        row = graph.add("Div", row, graph.add("Slice", row, *_range(graph, step, step + 1, 2)))
        column = graph.add("Slice", system, *_range(graph, step, step + 1, 2))
        own = np.zeros((1, size, 1))
        own[0, step] = 1
        # Its own row becomes the divided one, all others lose it.
        others = graph.add("Mul", column, graph.constant(1 - own))
        kept = graph.add("Mul", system, graph.constant(1 - own))
        system = graph.add("Sub", kept, graph.add("Mul", others, row))
        system = graph.add("Add", system, graph.add("Mul", graph.constant(own), row))
    solved = graph.add("Slice", system, *_range(graph, size, size + 1, 2))
    solved = graph.add("Squeeze", solved, graph.numbers(2))
    solved = graph.columns(solved, at)
    return graph.normalised(graph.add("Max", solved, graph.constant(0.0)))


def _range(graph: Graph, first: int, end: int, axis: int) -> tuple[str, str, str]:
    return graph.numbers(first), graph.numbers(end), graph.numbers(axis)
