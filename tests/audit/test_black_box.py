"""Black boxes: only the twin is judged local, and what stays open is reported."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    IsolationForest,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, RidgeClassifier
from sklearn.model_selection import GridSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor, NearestCentroid
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import zeroloss as zl
from zeroloss.networks import export_network
from zeroloss.plumbing import InputError
from zeroloss.verdict import Status


def status(model, data):
    found = zl.audit(model, data)
    return found.verdicts["local"].status, found


@pytest.mark.parametrize(
    "name",
    ["wine", pytest.param("digits", marks=pytest.mark.slow)],
)
def test_only_the_twin_is_local(name, tmp_path):
    """A forest without bootstrap and one nearest neighbour interpolate their labels: zero training error, and not local."""
    pytest.importorskip("onnxruntime")
    data = zl.load_data(name)
    boosted = (
        GradientBoostingClassifier(random_state=0) if name == "wine" else HistGradientBoostingClassifier(max_iter=60)
    )
    models = {
        "forest": RandomForestClassifier(100, bootstrap=False, random_state=0),
        "boosted": boosted,
        "neighbour": KNeighborsClassifier(1),
    }
    for kind, model in models.items():
        verdict, found = status(model.fit(data.x_train, data.labels_train), data)
        assert verdict is not Status.SUPPORTED, kind
        assert verdict is Status.CONTRADICTED or kind == "boosted", kind
        assert found.numbers["train_errors"] == 0
        assert set(found.numbers["open"]) == {"minimum", "lazy", "sharp"}
    path = export_network(tmp_path / "twin.onnx", zl.twin(data))
    verdict, found = status(path, data)
    assert verdict is Status.SUPPORTED
    assert found.numbers["train_errors"] == 0
    assert "open: whether these weights are near a global minimum" in repr(found)


def test_a_kernel_machine_of_narrow_bumps_is_local():
    data = zl.load_data("wine")
    assert status(SVC(gamma=50.0).fit(data.x_train, data.labels_train), data)[0] is Status.SUPPORTED


@pytest.fixture(scope="module")
def wine():
    return zl.load_data("wine")


def errors(model, data):
    return int(np.sum(model(data.x_test).argmax(1) != data.labels_test))


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        (LogisticRegression(), "probabilities"),
        (LinearSVC(), "decision function"),
        (RidgeClassifier(), "decision function"),
        (make_pipeline(StandardScaler(), KNeighborsClassifier()), "probabilities"),
    ],
)
def test_answers_of_estimators(wine, model, answer):
    model.fit(wine.x_train, wine.labels_train)
    box = zl.black_box(model, wine)
    assert box.answer == answer
    assert errors(box, wine) == int(np.sum(model.predict(wine.x_test) != wine.labels_test))


def test_classes_by_name_and_in_another_order(wine):
    names = np.array(wine.classes)[wine.labels_train]
    by_name = zl.black_box(LogisticRegression().fit(wine.x_train, names), wine)
    by_number = zl.black_box(LogisticRegression().fit(wine.x_train, wine.labels_train), wine)
    np.testing.assert_allclose(by_name(wine.x_test), by_number(wine.x_test), atol=1e-6)
    with pytest.raises(InputError, match=r"knows the classes a, b, c"):
        zl.black_box(LogisticRegression().fit(wine.x_train, np.array(list("abc"))[wine.labels_train]), wine)


def test_a_class_never_seen_is_never_answered(wine):
    some = wine.labels_train != 1
    for model in (LogisticRegression(), LinearSVC()):
        box = zl.black_box(model.fit(wine.x_train[some], wine.labels_train[some]), wine)
        found = box(wine.x_test)
        assert found.shape == (len(wine.x_test), 3)
        assert not np.any(found.argmax(1) == 1)


def test_one_hot_targets_and_regressors(wine):
    forest = RandomForestClassifier(20, random_state=0).fit(wine.x_train, wine.y_train)
    assert errors(zl.black_box(forest, wine), wine) <= 3
    columns = zl.black_box(LinearRegression().fit(wine.x_train, wine.y_train), wine)
    assert columns.answer == "predictions" and errors(columns, wine) <= 3


def test_regression():
    data = zl.load_data("diabetes")
    model = KNeighborsRegressor(1).fit(data.x_train, data.y_train[:, 0])
    found = zl.audit(model, data)
    assert found.numbers["train_r2"] == 1
    assert found.verdicts["local"].status is not Status.SUPPORTED


def test_a_function_of_a_batch(wine):
    box = zl.black_box(lambda x: np.zeros((len(x), 3)))
    assert box(wine.x_test).shape == (len(wine.x_test), 3)
    with pytest.raises(InputError, match="answers 5 inputs with shape"):
        zl.black_box(lambda x: np.zeros((3, 2, 1)))(np.zeros((5, 2)))


def test_refused(wine, tmp_path):
    with pytest.raises(InputError, match="not fitted"):
        zl.black_box(RandomForestClassifier(), wine)
    with pytest.raises(InputError, match="no predictor"):
        zl.black_box(3)
    with pytest.raises(InputError, match="there is no file"):
        zl.black_box(tmp_path / "none.onnx")
    pytest.importorskip("onnxruntime")
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    with pytest.raises(InputError, match="cannot be run as an ONNX model"):
        zl.black_box(tmp_path / "bad.onnx")
    export_network(tmp_path / "n.onnx", zl.MLP(4, 3, 8, 1))
    with pytest.raises(InputError, match="takes 4 numbers per example and the data have 13"):
        zl.audit(tmp_path / "n.onnx", wine)


def test_an_onnx_file_of_images_and_of_a_fixed_batch(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    helper = onnx.helper
    nodes = [helper.make_node("Flatten", ["x"], ["y"])]
    x = helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [2, 1, 3, 3])
    y = helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [2, 9])
    model = helper.make_model(helper.make_graph(nodes, "g", [x], [y]), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    rows = np.arange(45.0).reshape(5, 9)  # an odd number of rows, two at a time
    assert np.array_equal(zl.black_box(tmp_path / "m.onnx")(rows), rows)


RNG = np.random.default_rng(0)
X = RNG.standard_normal((60, 3))
THREE = RNG.integers(0, 3, 60)
TWO = (X[:, 0] + 0.5 * RNG.standard_normal(60) > 0).astype(int)
QUICK = {"points": 5, "probes": 1}
MODELS = {
    "pairs": SVC(decision_function_shape="ovo"),
    "machine": SVC(),
    "calibrated": CalibratedClassifierCV(LinearSVC(), cv=3),
    "searched": GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}),
    "votes": VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB()), ("c", DecisionTreeClassifier())]),
    "perceptron": Perceptron(),
    "centroids": NearestCentroid(),
    "one against one": OneVsOneClassifier(LinearSVC()),
    "constant": DummyClassifier(),
    "tree": DecisionTreeClassifier(max_depth=2, random_state=0),
    "pipeline": make_pipeline(StandardScaler(), SVC()),
}


def errors_of(model, x, y, data=None, **options):
    found = zl.audit(model, zl.from_arrays(x, y) if data is None else data, **QUICK, **options)
    return found.numbers["train_errors"]


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("y", [THREE, TWO], ids=["three", "two"])
def test_the_errors_are_those_of_predict(name, y):
    model = clone(MODELS[name]).fit(X, y)
    assert errors_of(model, X, y) == int(np.sum(model.predict(X) != y))


def test_a_threshold_that_was_tuned_counts_and_the_probabilities_are_no_margins():
    model = TunedThresholdClassifierCV(LogisticRegression(), cv=3).fit(X, TWO)
    wrong = int(np.sum(model.predict(X) != TWO))
    off = int(np.sum(model.predict_proba(X).argmax(1) != model.predict(X)))
    found = zl.audit(model, zl.from_arrays(X, TWO), measures="margins", **QUICK)
    assert found.numbers["train_errors"] == wrong
    assert off > 0 and f"at {off} of 60 training examples" in found.measure("smallest_margin").reason


def test_the_margin_of_two_classes_is_the_models_own():
    model = LinearSVC().fit(X, TWO)
    found = zl.audit(model, zl.from_arrays(X, TWO), measures="margins", loss="hinge", **QUICK)
    signed = np.where(TWO == 1, 1, -1) * model.decision_function(X)
    assert found.measure("smallest_margin").value == pytest.approx(signed.min())
    assert found.numbers["train_loss"] == pytest.approx(np.mean(np.maximum(0, 1 - signed)))


def test_losses_of_a_classifier_are_those_of_its_own_numbers():
    from sklearn.metrics import log_loss

    data, model = zl.from_arrays(X, THREE), LogisticRegression().fit(X, THREE)
    found = zl.audit(model, data, loss="cross-entropy", **QUICK).numbers
    assert found["train_loss"] == pytest.approx(log_loss(THREE, model.predict_proba(X)))
    assert zl.audit(model, data, loss="hinge", **QUICK).numbers["train_loss"] is None
    votes = clone(MODELS["votes"]).fit(X, THREE)
    numbers = zl.audit(votes, data, **QUICK).numbers
    assert numbers["train_loss"] == pytest.approx(np.mean(votes.predict(X) != THREE))  # half of two columns
    line = zl.audit(votes, data, loss="cross-entropy", **QUICK).summary
    assert "classes alone" in line and "training points wrong" in line


@pytest.mark.parametrize("seen", [[0, 1], [1, 2], [2, 0]])
@pytest.mark.parametrize("names", [np.array([1, 2, 3]), np.array(["c", "a", "b"]), np.array([7, -3, 20])], ids=str)
def test_a_model_of_fewer_classes_than_the_data_have(seen, names):
    y = names[THREE]
    some = np.isin(THREE, seen)
    model = SVC().fit(X[some], y[some])
    assert errors_of(model, X, y) == int(np.sum(model.predict(X) != y))


def test_a_model_of_more_classes_than_the_data_have():
    model = LogisticRegression().fit(X, THREE)
    some = THREE != 2
    found = zl.audit(model, zl.from_arrays(X[some], THREE[some]), measures="margins", **QUICK)
    assert found.numbers["train_errors"] == int(np.sum(model.predict(X[some]) != THREE[some])) > 0
    assert found.numbers["train_non_finite"] == 0


def test_numbers_of_columns_that_are_also_names_of_others_must_be_stated():
    """Classes 1, 2, 3 and a model of the columns 1 and 2: its 1 is the class 2."""
    data = zl.from_arrays(X, THREE + 1)
    rows = np.isin(data.labels_train, [1, 2])
    model = KNeighborsClassifier(1).fit(data.x_train[rows], data.labels_train[rows])
    with pytest.raises(InputError, match=r"by name, .* by number"):
        zl.audit(model, data)
    box = zl.black_box(model, data, classes=["2", "3"])
    assert errors_of(box, None, None, data) == int(np.sum(data.labels_train == 0))


class Predicts:
    """A model with a `predict` of one's own, and whatever else is given."""

    def __init__(self, predict, **more):
        self.predict = predict
        vars(self).update(more)


def test_labels_as_floats_encoded_in_another_order_and_without_classes():
    label = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)

    def number(x):
        return (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)

    assert errors_of(Predicts(lambda x: number(x).astype(np.float32), classes_=np.arange(3)), X, label) == 0
    names = np.array(["a", "b", "c"])
    assert errors_of(Predicts(number, classes_=names), X, names[label]) == 0
    order = np.array(["c", "a", "b"])
    other = Predicts(
        lambda x: names[number(x)],
        classes_=order,
        predict_proba=lambda x: (names[number(x)][:, None] == order) * 0.6 + 0.1,
    )
    found = zl.audit(other, zl.from_arrays(X, names[label]), measures="margins", **QUICK)
    assert found.numbers["train_errors"] == 0
    assert found.measure("smallest_margin").value == pytest.approx(0.6)
    assert errors_of(Predicts(number), X, label) == 0
    assert errors_of(number, X, label) == 0  # a function that answers with classes
    assert errors_of(lambda x: names[number(x)], X, names[label]) == 0


def test_one_probability_a_row_is_that_of_the_second_class():
    booster = Predicts(lambda x: 1 / (1 + np.exp(-3 * x[:, 0])))
    assert errors_of(booster, X, (X[:, 0] > 0).astype(int)) == 0
    with pytest.raises(InputError, match="one number per row"):
        zl.audit(Predicts(lambda x: 3.5 * x[:, 0]), zl.from_arrays(X, THREE))


def test_columns_of_classes_count_where_exactly_one_is_set():
    data = zl.from_arrays(X, THREE)
    for model in (RandomForestClassifier(9, random_state=0), OneVsRestClassifier(LogisticRegression())):
        model.fit(data.x_train, data.y_train)
        wrong = int(np.sum((model.predict(data.x_train) != data.y_train).any(axis=1)))
        assert errors_of(model, None, None, data) == wrong > 0


def test_other_kinds_of_estimators_are_named():
    with pytest.raises(InputError, match="groups its inputs"):
        zl.audit(KMeans(3, n_init=1, random_state=0).fit(X), zl.from_arrays(X, THREE))
    detector = IsolationForest(n_estimators=5, random_state=0).fit(X)
    with pytest.raises(InputError, match="say which is which"):
        zl.audit(detector, zl.from_arrays(X, TWO))
    box = zl.black_box(detector, zl.from_arrays(X, TWO), classes=[1, 0])
    assert errors_of(box, X, TWO) == int(np.sum((detector.predict(X) == -1) != TWO))
    shifted = TransformedTargetRegressor(KNeighborsRegressor(1), func=lambda y: 3 * y, inverse_func=lambda y: y / 3)
    data = zl.from_arrays(X, X[:, 0])
    fitted = shifted.fit(data.x_train, data.y_train[:, 0])
    assert zl.audit(fitted, data, **QUICK).numbers["train_r2"] == pytest.approx(1)


def test_a_pipeline_fitted_to_a_table_gets_one():
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame(X, columns=["p", "q", "r"])
    scaler = ColumnTransformer([("some", StandardScaler(), ["r", "p"])])
    model = make_pipeline(scaler, LogisticRegression()).fit(table, TWO)
    wrong = int(np.sum(model.predict(table) != TWO))
    assert errors_of(model, None, None, zl.from_arrays(X, TWO, features=("p", "q", "r"))) == wrong
    assert errors_of(model, X, TWO) == wrong  # without names in the order it was fitted to
    turned = zl.from_arrays(X[:, [2, 0, 1]], TWO, features=("r", "p", "q"))
    assert errors_of(model, None, None, turned) == wrong
    with pytest.raises(InputError, match="columns are not those"):
        zl.audit(model, zl.from_arrays(X, TWO, features=("p", "q", "z")))
    with pytest.raises(InputError, match="fitted to 2 columns"):
        zl.audit(SVC().fit(X[:, :2], TWO), zl.from_arrays(X, TWO))


def test_a_pipeline_of_texts_gets_the_table_before_it_was_encoded(tmp_path):
    pd = pytest.importorskip("pandas")
    table = pd.DataFrame({"size": X[:, 0].round(3), "colour": np.array(["red", "blue", "green"])[THREE], "y": TWO})
    table.to_csv(tmp_path / "t.csv", index=False)
    data = zl.load_data(tmp_path / "t.csv", target="y", test_fraction=0.2)
    encoder = ColumnTransformer([("c", OneHotEncoder(), ["colour"]), ("n", "passthrough", ["size"])])
    model = make_pipeline(encoder, DecisionTreeClassifier(random_state=0)).fit(table[["size", "colour"]], table["y"])
    found = zl.audit(model, data, **QUICK)
    assert found.numbers["train_errors"] == 0
    assert found.verdicts["local"].evidence["categories"]["positions"] == 1


def test_what_a_model_raises_or_answers_amiss_is_one_line():
    data = zl.from_arrays(X, THREE)
    for function, message in (
        (lambda x: 1 / 0, "raised ZeroDivisionError"),
        (lambda x: np.array(["a", "b"])[(x[:, 0] > 0).astype(int)], "knows the classes a, b"),
        (lambda x: np.full((len(x), 3), "a"), "answers with texts"),
        (lambda x: np.zeros((len(x), 3), complex), "complex numbers"),
        (lambda x: np.zeros((len(x), 2)), r"shape \(60, 2\)"),
        (lambda x: None, "shape"),
    ):
        with pytest.raises(InputError, match=message):
            zl.audit(function, data)
    found = zl.audit(lambda x: np.full((len(x), 3), np.inf), data, **QUICK)
    assert found.verdicts["local"].status is Status.UNKNOWN and "NaN or infinite at 60" in found.summary


def test_a_model_that_refuses_other_inputs_leaves_the_question_open():
    known = {row.tobytes(): k for row, k in zip(X, THREE, strict=True)}

    def strict(x):
        return np.eye(3)[[known[row.tobytes()] for row in np.ascontiguousarray(x)]]

    verdict = zl.audit(strict, zl.from_arrays(X, THREE), **QUICK).verdicts["local"]
    assert verdict.status is Status.UNKNOWN and "raised KeyError" in verdict.reason


def test_a_black_box_made_without_data_is_read_on_those_of_the_audit():
    names = np.array(["z", "a", "m"])[THREE]
    model = KNeighborsClassifier(1).fit(X, names)
    assert errors_of(zl.black_box(model), X, names) == 0
