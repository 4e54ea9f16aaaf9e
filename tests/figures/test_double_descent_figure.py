"""The figure of double descent: what is drawn, with which legend, and on which axis."""

import pytest

from zeroloss.figures.double_descent import TEST, against_width
from zeroloss.plumbing import InputError


def drawn(share=True, **more):
    import vl_convert

    table = {"load": [0.1, 1.0, 16.0] * 2, "series": ["clean"] * 3 + ["noisy"] * 3, "part": [TEST] * 6}
    table |= {"value": [0.2, 0.3, 0.1, 0.4, 0.8, 0.3], "low": [0.1] * 6, "high": [0.9] * 6} | more
    chart = against_width(table, x_title="p/n", y_title="error", threshold="p = n", share=share)
    spec = chart.to_dict()
    assert spec["width"] == "container" and "p = n" in vl_convert.vegalite_to_svg(spec | {"width": 400})
    return spec


def encodings(spec, channel):
    return [layer["encoding"][channel] for layer in spec["layer"] if channel in layer["encoding"]]


def test_errors_start_at_zero_and_widths_are_logarithmic():
    spec = drawn()
    (scale,) = {str(found["scale"]) for found in encodings(spec, "y") if "scale" in found}
    assert "'domain': [0, 0.945" in scale
    for x in encodings(spec, "x"):
        assert x["scale"]["type"] == "log" and x["scale"]["domain"][0] < 0.1 and x["scale"]["domain"][1] > 16
    (colour,) = {str(found["scale"]["domain"]) for found in encodings(spec, "color")}
    assert colour == "['clean', 'noisy']"


def test_training_error_is_dashed_and_named_only_where_there_is_one():
    (alone,) = encodings(drawn(), "strokeDash")
    (both,) = encodings(drawn(part=[TEST] * 3 + ["training error"] * 3), "strokeDash")
    assert alone["legend"] is None and both["scale"]["range"] == [[1, 0], [5, 4]] and both["legend"]


def test_other_quantities_have_a_logarithmic_axis():
    spec = drawn(share=False, value=[1.0, 1e3, 1.0, 2.0, 1e4, 2.0], low=[0.5] * 6, high=[2e4] * 6)
    assert all(found["scale"]["type"] == "log" for found in encodings(spec, "y") if "scale" in found)


def test_what_is_missing_is_named():
    with pytest.raises(InputError, match="lacks part"):
        against_width(
            {"load": [1], "series": ["a"], "value": [1], "low": [1], "high": [1]}, x_title="", y_title="", threshold=""
        )
