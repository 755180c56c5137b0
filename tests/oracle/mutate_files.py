"""mutate_files.py - what can happen to a directory beside its int8 codes (level 1)

A fault is (its kind, and after a comma its variety; function(copy, random)); the function edits the
copy and returns the names that a finding may be about, or says why it cannot be planted.
"""
import json

import numpy as np

import reference
from common import INDEX, Tensor
from mutate_folder import MANIFEST, Layer

BNB, CT = ("bnb-int8",), ("ct-w8a8", "ct-w8a16-g32")
CODE_TYPES = {"F32": "F16", "F16": "BF16", "BF16": "F32"}


def only(targets, fault):
    """A fault of some formats."""
    def apply(copy, random):
        return fault(copy, random) if copy.target in targets else "the format has none"
    return apply


def floats(copy, random, rank=None):
    """The name of a carried float tensor."""
    names = [n for n in copy.carried() if rank in (None, len(copy.get(n).shape))]
    return str(random.choice(names))


def missing(rank):
    """A fault that takes out a float tensor of that rank; no two in these files are the same."""
    def apply(copy, random):
        name = floats(copy, random, rank)
        copy.shard_of(name).pop(name)
        return {name}
    return apply


def extra_tensor(copy, random):
    copy.shard_of(floats(copy, random))["model.extra"] = Tensor("F32", (2,), bytes(8))
    return {"model.extra"}


def shape(copy, random):
    name = floats(copy, random)
    old = copy.get(name)
    copy.put(name, Tensor(old.dtype, (*old.shape, 1), old.data))
    return {name, name.rpartition(".")[0]}


def other_type(copy, random):
    """The same numbers, or nearly, in another type."""
    name = floats(copy, random)
    old = copy.get(name)
    new = CODE_TYPES[old.dtype]
    data = reference.to_bytes(reference.to_torch(old).to(reference.DTYPES[new]))
    copy.put(name, Tensor(new, old.shape, data))
    return {name}


def carried(copy, random):
    """One bit of a float tensor."""
    name = floats(copy, random)
    old = copy.get(name)
    data = bytearray(old.data)
    data[random.integers(len(data))] ^= 1 << int(random.integers(8))
    copy.put(name, Tensor(old.dtype, old.shape, bytes(data)))
    return {name}


def carried_rows(copy, random):
    """Two rows of a float matrix."""
    name = floats(copy, random, 2)
    old = copy.get(name)
    rows = np.frombuffer(old.data, np.uint8).reshape(old.shape[0], -1).copy()
    different = [i for i in range(1, len(rows)) if (rows[i] != rows[0]).any()]
    other = random.choice(different)
    rows[[0, other]] = rows[[other, 0]]
    copy.put(name, Tensor(old.dtype, old.shape, rows.tobytes()))
    return {name}


def some_layer(copy, random):
    return Layer(copy, str(random.choice(copy.modules())))


def missing_scale(copy, random):
    layer = some_layer(copy, random)
    copy.shard_of(layer.scale_name).pop(layer.scale_name)
    return {layer.module}


def missing_codes(copy, random):
    layer = some_layer(copy, random)
    copy.shard_of(layer.code_name).pop(layer.code_name)
    return {layer.module}


def scale(value):
    """A fault that makes of one scale value(old)."""
    def apply(copy, random):
        layer = some_layer(copy, random)
        row = random.choice(layer.full())
        layer.scales[row, 0] = value(layer.scales[row, 0])
        layer.store()
        return {layer.module}
    return apply


def code_range(copy, random):
    layer = some_layer(copy, random)
    layer.codes[random.choice(layer.full()), random.integers(layer.cols)] = -128
    layer.store()
    return {layer.module}


def float_list(copy):
    """The list of float modules; where it is null, what that stands for."""
    key = "ignore" if copy.target in CT else "llm_int8_skip_modules"
    if copy.quantization[key] is None:
        is_bert = copy.config["model_type"] == "bert"
        copy.quantization[key] = ["cls.predictions.decoder" if is_bert else "lm_head"]
    return copy.quantization[key]


def list_missing(copy, random):
    """A head: transformers 5.23 keeps experts, routers and `wo` float, listed or not."""
    module = next(m for m in float_list(copy) if m.endswith(("lm_head", "decoder")))
    float_list(copy).remove(module)
    return {module}


def list_int8(copy, random):
    module = str(random.choice(copy.modules()))
    float_list(copy).append(module)
    return {module}


def setting(key, value):
    """A fault that gives quantization_config[key] another value; None: takes it out."""
    def apply(copy, random):
        new = value(copy.quantization.pop(key))
        copy.quantization.update({} if new is None else {key: new})
        return {"config.json", *copy.modules()}
    return apply


def strategy(copy, random):
    weights = copy.quantization["config_groups"]["group_0"]["weights"]
    weights["strategy"] = "tensor" if weights["strategy"] == "channel" else "channel"
    weights.pop("group_size", None)
    return {"config.json", *copy.modules()}


def config_target(copy, random):
    copy.quantization["config_groups"]["group_0"]["targets"] = ["re:.*nothing_of_that_name"]
    return {"config.json", *copy.modules()}


def config_changed(copy, random):
    key = str(random.choice([k for k, v in copy.config.items() if type(v) in (int, float)]))
    copy.config[key] += 1
    return {"config.json", key}


def with_index(fault):
    def apply(copy, random):
        copy.keep_index = True
        return fault(copy, random) if copy.index else "the model has no index"
    return apply


def index_stray(copy, random):
    name = floats(copy, random)
    copy.index["weight_map"].pop(name)
    return {name, INDEX}


def index_metadata(copy, random):
    copy.index.pop("metadata")
    return {INDEX}


def index_total(copy, random):
    copy.index["metadata"]["total_size"] += 2
    return {INDEX}


def with_manifest(fault):
    def apply(copy, random):
        copy.keep_manifest = True
        return fault(copy, random)
    return apply


def manifest_size(copy, random):
    with open(copy.folder / "README.md", "a") as file:
        file.write("\n")
    return {"README.md"}


def manifest_missing(copy, random):
    (copy.folder / "README.md").unlink()
    return {"README.md"}


def manifest_digest(copy, random):
    path = copy.folder / "README.md"
    path.write_text(path.read_text().replace("#", "-", 1))
    return {"README.md"}


def manifest_source(copy, random):
    """The directory was made from another checkpoint."""
    path = copy.folder / MANIFEST
    text = path.read_text()
    digest = json.loads(text)["sources"][0]["header_xxh3_128"]
    path.write_text(text.replace(digest, digest[::-1]))
    return {MANIFEST, json.loads(text)["sources"][0]["name"]}


FAULTS = [
    ("missing-tensor", missing(1)), ("missing-tensor, a table", missing(2)),
    ("extra-tensor", extra_tensor), ("shape", shape),
    ("type", other_type), ("carried", carried), ("carried, two rows", carried_rows),
    ("missing-tensor, a scale", missing_scale), ("missing-tensor, codes", missing_codes),
    ("scale-not-finite", scale(lambda old: float("nan"))),
    ("scale-not-finite, inf", scale(lambda old: float("inf"))),
    ("scale-negative", scale(lambda old: -old)), ("scale-zero", scale(lambda old: 0)),
    ("code-range", only(BNB, code_range)),
    ("config-skip-missing", only(BNB, list_missing)), ("config-skip-int8", only(BNB, list_int8)),
    ("config-threshold", only(BNB, setting("llm_int8_threshold", int))),
    ("config-ignore-missing", only(CT, list_missing)), ("config-ignore-int8", only(CT, list_int8)),
    ("config-status", only(CT, setting("quantization_status", lambda old: "frozen"))),
    ("config-status, missing", only(CT, setting("quantization_status", lambda old: None))),
    ("config-format", only(CT, setting("format", {"int-quantized": "pack-quantized",
                                                  "pack-quantized": "int-quantized"}.get))),
    ("config-strategy", only(CT, strategy)), ("config-target", only(CT, config_target)),
    ("config-changed", config_changed),
    ("index-stray", with_index(index_stray)),
    ("index-metadata", with_index(index_metadata)), ("index-total", with_index(index_total)),
    ("manifest-size", with_manifest(manifest_size)),
    ("manifest-missing", with_manifest(manifest_missing)),
    ("manifest-digest", with_manifest(manifest_digest)),
    ("manifest-source", with_manifest(manifest_source)),
]
