"""ONNX files of classifiers: their label counts, and their columns are in the file's order."""

import numpy as np
import pytest

import zeroloss as zl
from zeroloss.plumbing import InputError

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
FLOAT, INT = 1, 7
RNG = np.random.default_rng(0)
X = RNG.standard_normal((40, 3)).astype(np.float32)
THREE = RNG.integers(0, 3, 40)
QUICK = {"points": 4, "probes": 1}


def save(path, nodes, shape, outputs, kind=FLOAT, **constants):
    helper = onnx.helper
    made = [helper.make_node(op, inputs.split(), [name], **more) for op, inputs, name, more in nodes]
    graph = helper.make_graph(
        made,
        "g",
        [helper.make_tensor_value_info("x", kind, shape)],
        [helper.make_tensor_value_info(name, FLOAT, s) for name, s in outputs.items()],
        [
            helper.make_tensor(n, FLOAT if v.dtype.kind == "f" else INT, v.shape, v.ravel())
            for n, v in constants.items()
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("zipmap", [True, False])
@pytest.mark.parametrize(
    "names",
    [np.array(["zebra", "ant", "mole"]), np.array([7, 3, 11]), np.array([0, 1, 2])],
    ids=["texts", "odd", "whole"],
)
def test_a_classifiers_label_counts_and_its_columns_are_placed(tmp_path, names, zipmap):
    skl2onnx = pytest.importorskip("skl2onnx")
    from sklearn.ensemble import RandomForestClassifier

    y = names[THREE]
    model = RandomForestClassifier(7, random_state=0).fit(X, y)
    file = skl2onnx.to_onnx(model, X[:1], options={"zipmap": zipmap})
    (tmp_path / "m.onnx").write_bytes(file.SerializeToString())
    data = zl.from_arrays(X, y)
    found = zl.audit(tmp_path / "m.onnx", data, measures="margins", **QUICK)
    assert found.numbers["train_errors"] == int(np.sum(model.predict(X) != y))
    own = np.sort(model.predict_proba(X)[np.arange(40), np.searchsorted(model.classes_, y)])
    order = np.array([data.classes.index(str(c)) for c in model.classes_])
    np.testing.assert_allclose(
        zl.black_box(tmp_path / "m.onnx", data).scores(data.x_train)[:, order],
        model.predict_proba(data.x_train),
        atol=1e-6,
    )
    assert len(own) == 40 and found.measure("smallest_margin").value is not None


def test_columns_by_their_names(tmp_path):
    skl2onnx = pytest.importorskip("skl2onnx")
    pd = pytest.importorskip("pandas")
    from skl2onnx.common.data_types import FloatTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    table = pd.DataFrame(X, columns=["a b", "c", "d"])
    model = make_pipeline(ColumnTransformer([("n", StandardScaler(), ["c", "a b", "d"])]), LogisticRegression())
    model.fit(table, THREE)
    file = skl2onnx.convert_sklearn(model, initial_types=[(c, FloatTensorType([None, 1])) for c in table.columns])
    (tmp_path / "m.onnx").write_bytes(file.SerializeToString())
    wrong = int(np.sum(model.predict(table) != THREE))
    for order in ([0, 1, 2], [2, 0, 1]):
        data = zl.from_arrays(X[:, order], THREE, features=tuple(table.columns[order]))
        assert zl.audit(tmp_path / "m.onnx", data, **QUICK).numbers["train_errors"] == wrong
    with pytest.raises(InputError, match="the data have no column"):
        zl.audit(tmp_path / "m.onnx", zl.from_arrays(X, THREE, features=("p", "q", "r")))


@pytest.mark.parametrize("ending", ["logit", "sigmoid"])
@pytest.mark.parametrize("labels", [(0, 1), (-1, 1), ("no", "yes")], ids=str)
def test_one_number_a_row_of_two_classes(tmp_path, ending, labels):
    nodes = [("MatMul", "x w", "z", {})] + ([("Sigmoid", "z", "y", {})] if ending == "sigmoid" else [])
    path = save(
        tmp_path / "m.onnx", nodes, ["n", 3], {"y" if ending == "sigmoid" else "z": ["n", 1]},
        w=np.array([[5.0], [0], [0]], np.float32),
    )  # fmt: skip
    data = zl.from_arrays(X, np.array(labels)[(X[:, 0] > 0).astype(int)])
    assert zl.audit(path, data, **QUICK).numbers["train_errors"] == 0


@pytest.mark.parametrize("file", ["first", "last"])
@pytest.mark.parametrize("rows", ["first", "last"])
def test_channels_go_where_the_file_takes_them(tmp_path, file, rows):
    """The class is the colour; as they lie in memory, pixels of one layout are no picture of the other."""
    labels = np.arange(12) % 3
    images = RNG.uniform(0, 0.2, (12, 4, 4, 3))
    images[np.arange(12), :, :, labels] += 0.7
    shape, axes = ([None, 3, 4, 4], [2, 3]) if file == "first" else ([None, 4, 4, 3], [1, 2])
    path = save(tmp_path / "m.onnx", [("ReduceMean", "x", "y", {"axes": axes, "keepdims": 0})], shape, {"y": [None, 3]})
    data = zl.from_arrays(images.transpose(0, 3, 1, 2) if rows == "first" else images, labels)
    assert zl.audit(path, data, **QUICK).numbers["train_errors"] == 0


def test_several_outputs(tmp_path):
    label = X.argmax(axis=1)
    nodes = [("Identity", "x", "y", {}), ("Softmax", "y", "p", {"axis": 1}), ("ReduceSum", "y", "s", {"keepdims": 1})]
    path = save(tmp_path / "m.onnx", nodes, ["n", 3], {"y": ["n", 3], "p": ["n", 3]})
    data = zl.from_arrays(X, label)
    with pytest.raises(InputError, match="several outputs"):
        zl.audit(path, data)
    assert zl.audit(zl.black_box(path, data, output="p"), data, **QUICK).numbers["train_errors"] == 0
    other = save(tmp_path / "o.onnx", nodes, ["n", 3], {"y": ["n", 3], "s": [1, 1]})
    assert zl.audit(other, data, **QUICK).numbers["train_errors"] == 0  # the one with as many columns as the data


def test_whole_number_inputs_are_not_cut(tmp_path):
    path = save(
        tmp_path / "m.onnx", [("Gather", "table x", "e", {}), ("ReduceMean", "e", "y", {"axes": [1], "keepdims": 0})],
        ["n", 4], {"y": ["n", 2]}, INT, table=RNG.standard_normal((10, 2)).astype(np.float32),
    )  # fmt: skip
    tokens, labels = RNG.integers(0, 10, (30, 4)), RNG.integers(0, 2, 30)
    verdict = zl.audit(path, zl.from_arrays(tokens, labels)).verdicts["local"]
    assert "categor" in verdict.reason or "does not fit" in verdict.reason
    with pytest.raises(InputError, match="takes whole numbers"):
        zl.audit(path, zl.from_arrays(tokens, labels, scaling="auto"))
    with pytest.raises(InputError, match="raised InvalidArgument"):
        zl.audit(path, zl.from_arrays(tokens + 5, labels))
