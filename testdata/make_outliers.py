"""make_outliers.py - testdata/outliers: norms whose gains stand out, statistics of activations

make.py runs it.  tests/unit/test_outlier.c and test_activations.c say by hand what is to be found.
"""
import json
import struct

from make_npz import npy, zipped

PACK = {"F16": "e", "F32": "f", "F64": "d", "I32": "i", "BF16": "f"}
NAN, INF = float("nan"), float("inf")


def pack(dtype, values):
    """The bytes of a tensor."""
    if dtype == "BF16":                                     # the upper half; these values fit
        return b"".join(struct.pack("<f", v)[2:] for v in values)
    return struct.pack(f"<{len(values)}{PACK[dtype]}", *values)


def tensors(entries):
    """A safetensors file of {name: (dtype, values)} or (dtype, values, shape)."""
    header, data = {}, b""
    for name, (dtype, values, *shape) in entries.items():
        begin = len(data)
        data += pack(dtype, values)
        header[name] = {"dtype": dtype, "shape": shape[0] if shape else [len(values)],
                        "data_offsets": [begin, len(data)]}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def ones(**marks):
    """Eight gains of 1 but for those given: ones(d2=6)."""
    return [marks.get(f"d{i}", 1.0) for i in range(8)]


def norms():
    """Five layers of eight features; what else is called a norm, or is none."""
    entries = {
        "model.layers.0.input_layernorm.weight": ("F32", ones(d2=6.0, d5=5.75)),
        "model.layers.0.post_attention_layernorm.weight": ("F16", ones(d2=-12.0)),
        "model.layers.1.input_layernorm.weight": ("BF16", ones(d2=24.0)),
        "model.layers.1.post_attention_layernorm.weight": ("F64", ones()),
        "model.layers.2.input_layernorm.weight": ("F32", ones(d0=NAN)),
        "model.layers.3.input_layernorm.weight": ("F32", [0.0] * 5 + [9.0] * 3),
        "model.layers.10.input_layernorm.weight": ("F32", ones(d3=7.0)),
        "model.norm.weight": ("F32", ones(d2=100.0)),
        # another size: a feature of its own
        "model.layers.0.self_attn.q_norm.weight": ("F32", [1.0, 1.0, 8.0, 1.0]),
        # none of these
        "model.layers.0.input_layernorm.bias": ("F32", ones(d1=50.0)),
        "model.layers.0.mlp.up_proj.weight": ("F32", ones(d1=50.0), [1, 8]),
        "model.layers.0.self_attn.k_norm.weight": ("I32", [1, 1, 50, 1]),
        "model.layers.0.scale": ("F32", ones(d1=50.0)),
        "model.layers.1.mlp_norm.weight": ("F32", ones(d1=50.0), [2, 4]),
        "model.layers.2.post_norm.weight": ("F32", []),
    }
    for role in ("q_proj", "k_proj", "v_proj"):
        entries[f"model.layers.0.self_attn.{role}.weight"] = ("F32", ones(), [1, 8])
    return entries


def offset_norms():
    """As in Gemma 3: the text model's norms hold w of 1 + w, the vision tower's have a bias."""
    return {
        "language_model.model.layers.0.input_layernorm.weight": ("F32", [0, 5, 0, 0, -6.5, 4.5, 0, 0]),
        "vision_tower.encoder.layers.0.layer_norm1.weight": ("F32", ones(d3=6)),
        "vision_tower.encoder.layers.0.layer_norm1.bias": ("F32", ones()),
    }


SCALES = {"model.layers.0.self_attn.q_proj": ("F32", [0.5, 6.0, 0.0, 100.0]),
          "model.layers.0.mlp.up_proj": ("F16", [0.5, 6.0, 0.0, 100.0]),
          "model.layers.0.mlp.down_proj": ("F64", [0.5, 6.0, 0.0, 100.0, 1e-300]),
          "lm_head": ("BF16", [0.5, 6.0, 0.0, 100.0])}


def arrays(entries):
    """An npz file of the same."""
    codes = {"F16": "<f2", "F32": "<f4", "F64": "<f8", "I32": "<i4"}
    return {f"{name}.npy": npy(codes[dtype], tuple(shape[0] if shape else [len(values)]),
                               data=pack(dtype, values))
            for name, (dtype, values, *shape) in entries.items() if dtype in codes}


def write(folder):
    """Writes them there."""
    pali = folder / "paligemma"
    pali.mkdir(parents=True, exist_ok=True)
    (folder / "norms.safetensors").write_bytes(tensors(norms()))
    (folder / "offset.safetensors").write_bytes(tensors(offset_norms()))
    (pali / "model.safetensors").write_bytes(tensors(offset_norms()))
    (pali / "config.json").write_text(json.dumps(
        {"model_type": "paligemma", "text_config": {"model_type": "gemma"}}) + "\n")
    (folder / "scales.safetensors").write_bytes(tensors(SCALES))
    (folder / "scales.npz").write_bytes(zipped(arrays(SCALES), deflate=True))
    for name, entry in {"nan": ("F32", [1, NAN]), "infinite": ("F32", [INF]),
                        "beyond-float": ("F64", [1e300]), "negative": ("F32", [1, 2, -0.5]),
                        "matrix": ("F32", [1, 2], [1, 2]), "scalar": ("F32", [1], []),
                        "integer": ("I32", [1, 2])}.items():
        (folder / f"{name}.safetensors").write_bytes(tensors({"a": entry}))
        (folder / f"{name}.npz").write_bytes(zipped(arrays({"a": entry})))
    (folder / "nothing.safetensors").write_bytes(tensors({}))
    (folder / "nothing.npz").write_bytes(zipped({}))
