"""make_probe.py - testdata/probe: npz files of captured activations

make.py runs it.  tests/unit/test_probe.c has the same numbers.
"""
from make_npz import zipped
from make_outliers import NAN, arrays

Q, K, V = (f"model.layers.0.self_attn.{name}_proj" for name in "qkv")
ROWS = [1, -2, 3, -4, 0.5, 0.25, -0.125, 100, 7, -8, 9, -10]     # three tokens of four features
ENTRIES = {Q: ("F16", ROWS, [3, 4]), K: ("F32", ROWS, [3, 1, 4]), V: ("F64", ROWS, [1, 3, 4]),
           "model.layers.0.mlp.up_proj": ("F32", [0.5, 6.0, 0.0, 100.0])}


def write(folder):
    """Writes them there."""
    folder.mkdir(exist_ok=True)
    (folder / "rows.npz").write_bytes(zipped(arrays(ENTRIES)))
    (folder / "rows-deflated.npz").write_bytes(zipped(arrays(ENTRIES), deflate=True))
    (folder / "nan.npz").write_bytes(zipped(arrays({V: ("F64", [1, 2, 3, 4, 5, 6, NAN, 8], [2, 4])})))
    (folder / "empty.npz").write_bytes(zipped(arrays({V: ("F64", [], [0, 4])})))
