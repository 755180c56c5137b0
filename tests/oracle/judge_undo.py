"""judge_undo.py - --to=bf16, f16 and f32 against what transformers loads with that dtype, tensor for tensor"""
import json

import torch
from safetensors.torch import load_file, save_file
from transformers import CompressedTensorsConfig, FineGrainedFP8Config

import models
from common import compare_tensors, convert, read_dir, run_q8

NAMES = ("llama", "llama-tied", "llama-wide", "qwen3_moe", "deepseek_v3")
DTYPES = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
BLOCK = [8, 16]         # transformers takes rows / scale rows for the block, so it has to divide
FLOAT_NAMES = ("embed", "lm_head", "norm", "gate.weight", "router")
# int4 in groups of that many columns, which the columns of llama-wide are all multiples of
WIDE = ((64, "ct-w8a16-g64"), (64, "ct-w8a16-g32"), (128, "ct-w8a16-g128"))
INTEGERS = ("ct-w8a8", "ct-w8a16", "ct-w8a16-g32")


def make_fp8(source, out):
    """The model in FP8 blocks, with the scales in another file than the weights."""
    weights, scales, names = {}, {}, {}
    for path in sorted(source.glob("*.safetensors")):
        for name, t in load_file(path).items():
            if t.dim() != 2 or any(word in name for word in FLOAT_NAMES):
                weights[name] = t
                continue
            blocks = t.float().unflatten(1, (-1, BLOCK[1])).unflatten(0, (-1, BLOCK[0]))
            scale = blocks.abs().amax((1, 3), keepdim=True).clamp(min=1e-6) / 448
            weights[name] = (blocks / scale).flatten(0, 1).flatten(1, 2).to(torch.float8_e4m3fn)
            scales[name + "_scale_inv"] = scale.flatten(0, 1).flatten(1, 2).contiguous()
    out.mkdir()
    for file, part in (("model-00001-of-00002.safetensors", weights),
                       ("model-00002-of-00002.safetensors", scales)):
        save_file(part, out / file, metadata={"format": "pt"})
        names.update(dict.fromkeys(part, file))
    (out / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))
    config = json.loads((source / "config.json").read_text())
    config["quantization_config"] = dict(quant_method="fp8", weight_block_size=BLOCK, fmt="e4m3",
                                         activation_scheme="dynamic")
    (out / "config.json").write_text(json.dumps(config, indent=2))


def make_ct_fp8(source, out):
    """The model in FP8 by rows, as llm-compressor writes it: compressed-tensors, BF16 scales."""
    tensors, ignore = {}, []
    for path in sorted(source.glob("*.safetensors")):
        for name, t in load_file(path).items():
            if t.dim() != 2 or any(word in name for word in FLOAT_NAMES):
                tensors[name] = t
                ignore.append(name.removesuffix(".weight"))
                continue
            scale = (t.float().abs().amax(1, keepdim=True).clamp(min=1e-6) / 448).bfloat16()
            tensors[name] = (t.float() / scale.float()).clamp(-448, 448).to(torch.float8_e4m3fn)
            tensors[name + "_scale"] = scale
    out.mkdir()
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    weights = dict(num_bits=8, type="float", strategy="channel", symmetric=True, dynamic=False)
    config["quantization_config"] = dict(
        quant_method="compressed-tensors", format="float-quantized", ignore=ignore,
        quantization_status="compressed", config_groups=dict(group_0=dict(
            weights=weights, targets=["Linear"], input_activations=None, output_activations=None)))
    (out / "config.json").write_text(json.dumps(config, indent=2))


def make_int4(source, out, group):
    """The model in int4 with a BF16 step for each group of columns, as compressed-tensors packs it."""
    tensors, ignore = {}, []
    for path in sorted(source.glob("*.safetensors")):
        for name, t in load_file(path).items():
            if t.dim() != 2 or any(word in name for word in FLOAT_NAMES) or t.shape[1] % group:
                tensors[name] = t
                ignore.append(name.removesuffix(".weight"))
                continue
            parts = t.float().unflatten(1, (-1, group))
            scale = (parts.abs().amax(2, keepdim=True).clamp(min=1e-6) / 7.5).bfloat16()
            codes = ((parts / scale.float()).round().clamp(-8, 7).flatten(1) + 8).to(torch.int64)
            words = (codes.unflatten(1, (-1, 8)) << (4 * torch.arange(8))).sum(2)
            stem = name.removesuffix(".weight")
            tensors[stem + ".weight_packed"] = words.to(torch.uint32).view(torch.int32)
            tensors[stem + ".weight_scale"] = scale.squeeze(2)
            tensors[stem + ".weight_shape"] = torch.tensor(t.shape)
    out.mkdir()
    save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((source / "config.json").read_text())
    weights = dict(num_bits=4, type="int", strategy="group", group_size=group, symmetric=True, dynamic=False)
    config["quantization_config"] = dict(
        quant_method="compressed-tensors", format="pack-quantized", ignore=ignore,
        quantization_status="compressed", config_groups=dict(group_0=dict(
            weights=weights, targets=["Linear"], input_activations=None, output_activations=None)))
    (out / "config.json").write_text(json.dumps(config, indent=2))


def judge_carried(row, source, out):
    """transformers dequantizes both directories to the same floats."""
    words = dict(dtype=torch.float32, quantization_config=CompressedTensorsConfig(dequantize=True))
    want, have = (models.load(folder, row, **words)[0].state_dict() for folder in (source, out))
    problems = [f"{name}: only in one" for name in sorted(want.keys() ^ have.keys()) if "scale" not in name]
    return problems + [f"{n}: {(want[n] != have[n]).sum()} of {have[n].numel()} values differ"
                       for n in sorted(want.keys() & have.keys()) if not torch.equal(want[n], have[n])]


def check_carried(checks, q8, row, source, target, folder):
    """int8 codes of a directory that are those of the output: all of them, and to the same floats."""
    out = folder / f"{source.name}-to-{target}"
    code, text, err = run_q8(q8, "--no-sync", "--to", target, "--json", source, out)
    totals = json.loads(text)["totals"] if not code else {}
    problems = [] if not code else [err]
    if not code and (totals["weights_rounded_twice"] or not totals["weights_carried"]):
        problems = [f"{totals['weights_rounded_twice']} weights are rounded twice"]
    if checks.add(f"{row[0]} {source.name} --to={target}", problems):
        checks.attempt(f"{row[0]} {source.name} --to={target}: values", judge_carried, row, source, out)


def judge(row, quantized, out, dtype, words):
    """The output, as floats, is what transformers makes of the source; nothing in it is of another type."""
    want = models.load(quantized, row, dtype=dtype, **words)[0]
    if hasattr(want, "dequantize") and not words:
        want = want.dequantize()
    have, info = models.load(out, row, dtype=dtype)
    problems = [f"{key}: {sorted(map(str, value))[:3]}" for key, value in info.items() if value]
    want, have = want.state_dict(), have.state_dict()
    problems += [f"{n}: only in one" for n in sorted(want.keys() ^ have.keys()) if "scale" not in n]
    for name in sorted(want.keys() & have.keys()):
        w, h = want[name], have[name]
        if w.is_floating_point() and not torch.equal(w.to(h.dtype), h):
            problems.append(f"{name}: {(w.to(h.dtype) != h).sum()} of {h.numel()} values differ")
    names = {torch.bfloat16: "BF16", torch.float16: "F16", torch.float32: "F32"}
    problems += [f"{n} is {t.dtype}" for n, t in read_dir(out).items()
                 if t.dtype in names.values() and t.dtype != names[dtype] and "correction_bias" not in n]
    config = (out / "config.json").read_text()
    return problems + (["quantization_config is left"] if "quantization_config" in config else [])


def check_source(checks, q8, row, quantized, words, folder):
    """All dtypes of one quantized directory, and its tensors as they are."""
    for to, dtype in DTYPES.items():
        out = folder / f"{quantized.name}-{to}"
        _, problems = convert(q8, to, quantized, out)
        if not checks.add(f"{row[0]} {quantized.name} --to={to}", problems):
            continue
        checks.attempt(f"{row[0]} {quantized.name} --to={to}: values", judge, row, quantized, out,
                       dtype, words)
    out = folder / f"{quantized.name}-moved"
    _, problems = convert(q8, "safetensors", quantized, out)
    checks.add(f"{row[0]} {quantized.name} --to=safetensors",
               problems or compare_tensors(read_dir(quantized), read_dir(out)))


def check(checks, q8, _, folder):
    for row in models.MODELS:
        if row[0] not in NAMES:
            continue
        work = folder / row[0]
        work.mkdir()
        models.make(row, work / "source")
        make_fp8(work / "source", work / "fp8")
        check_source(checks, q8, row, work / "fp8",
                     dict(quantization_config=FineGrainedFP8Config(dequantize=True)), work)
        if row[0].startswith("llama"):
            make_ct_fp8(work / "source", work / "ct-fp8")
            check_source(checks, q8, row, work / "ct-fp8",
                         dict(quantization_config=CompressedTensorsConfig(dequantize=True)), work)
        for target in INTEGERS:
            if target == "ct-w8a8" and not row[0].startswith("llama"):
                continue        # transformers does not load it with experts
            if run_q8(q8, "-q", "--no-sync", "--to", target, work / "source", work / target)[0]:
                continue
            check_source(checks, q8, row, work / target,
                         dict(quantization_config=CompressedTensorsConfig(dequantize=True)), work)
        for group, target in WIDE if row[0] == "llama-wide" else ((32, "ct-w8a16-g32"),):
            source = work / f"int4-g{group}"
            if not source.exists():
                make_int4(work / "source", source, group)
            check_carried(checks, q8, row, source, target, work)
        if row[0].startswith("llama"):
            check_carried(checks, q8, row, work / "ct-w8a8", "ct-w8a16", work)
            check_carried(checks, q8, row, work / "ct-w8a16", "ct-w8a8", work)
        if not run_q8(q8, "-q", "--no-sync", "--to=bnb-int8", work / "source", work / "bnb")[0]:
            check_source(checks, q8, row, work / "bnb", {}, work)
