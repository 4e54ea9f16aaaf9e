"""What bad input must lead to."""


def refused(result, *words):
    """Exit code 2 and one line that holds `words`; the standard output."""
    code, out, err = result
    assert code == 2 and err.startswith("zeroloss: ") and err.count("\n") == 1 and "Traceback" not in err
    for word in words:
        assert word in err
    return out
