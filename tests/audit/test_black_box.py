"""Models that are only asked: what is called local is the twin alone, and what stays open is said."""

import numpy as np
import pytest
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression, RidgeClassifier
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

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
    asked = zl.black_box(model, wine)
    assert asked.answer == answer
    assert errors(asked, wine) == int(np.sum(model.predict(wine.x_test) != wine.labels_test))


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
        asked = zl.black_box(model.fit(wine.x_train[some], wine.labels_train[some]), wine)
        found = asked(wine.x_test)
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
    asked = zl.black_box(lambda x: np.zeros((len(x), 3)))
    assert asked(wine.x_test).shape == (len(wine.x_test), 3)
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
    with pytest.raises(InputError, match="takes 4 numbers an example and the data have 13"):
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
