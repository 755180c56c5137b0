"""make_coded.py - writes testdata/good/coded-*.safetensors: codes, and the floats that the libraries make

    make_coded.py [--wheels FOLDER] [TESTDATA]     in the environment of env.sh --peers

One file per quantization_config, which is its metadata "config" (a config.json).  Beside the parts
of each weight stands NAME.want: what the library of the scheme makes of them.  GPTQ's judge is the
layer of auto-round 0.16.1, int8's another torchao 0.18: FOLDER has their wheels, unpacked.  tests/unit/test_coded.c holds the C side.
"""
import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

F8, E5, E8 = torch.float8_e4m3fn, torch.float8_e5m2, torch.float8_e8m0fnu
BF16, F16, F32 = torch.bfloat16, torch.float16, torch.float32
RNG = torch.Generator().manual_seed(14)


def bytes_(*shape):
    return torch.randint(0, 256, shape, generator=RNG, dtype=torch.int16).to(torch.uint8)


def words(*shape):
    return torch.randint(-2**31, 2**31, shape, generator=RNG).to(torch.int32)


def floats(shape, dtype, low=1e-5, high=1e-3):
    return (torch.rand(shape, generator=RNG) * (high - low) + low).to(dtype)


def exponents(*shape, dtype=torch.uint8):
    """Of 255 the libraries make NaN where the type is E8M0, 2^128 where it is bytes."""
    s = torch.randint(100, 140, shape, generator=RNG, dtype=torch.int16).to(torch.uint8)
    s.view(-1)[:2] = torch.tensor([0, 254])         # the denormal 2^-127
    if dtype == E8:
        s.view(-1)[-1] = 255
    return s.view(dtype)


def model(**quantization):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "torch_dtype": "bfloat16",
            "quantization_config": quantization}


def ct(fmt, **weights):
    return model(quant_method="compressed-tensors", format=fmt, quantization_status="compressed",
                 config_groups={"group_0": {"targets": ["Linear"], "weights": weights}})


def decompress(fmt, tensors, **args):
    """What compressed-tensors makes of the parts of a module, in the model's BF16."""
    from compressed_tensors.compressors import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**args), format=fmt)
    weight = BaseCompressor.get_value_from_registry(fmt).decompress(dict(tensors), scheme)["weight"]
    return weight if weight.dtype == F16 else weight.to(BF16)


def named(module, tensors, want, name="weight"):
    """The parts of a module and its floats, as they are named in a file."""
    dot = module + "."
    return {**{dot + key: value.contiguous().clone() for key, value in tensors.items()},
            dot + name + ".want": want.contiguous()}


def compressed(module, fmt, tensors, **args):
    return named(module, tensors, decompress(fmt, tensors, **args))


# ---- FP8 and MX

def fp8_block():
    from compressed_tensors.entrypoints.convert.converters.fp8block_dequantizer import \
        FP8BlockDequantizer
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize
    library = FP8BlockDequantizer(weight_block_size=(8, 16))
    out = {}
    for i, (dtype, kind) in enumerate(((F8, F32), (F8, BF16), (F8, E8), (E5, F32))):
        for cut, shape in (("even", (16, 48)), ("ragged", (19, 41))):
            w = bytes_(*shape).view(dtype)
            grid = -(-shape[0] // 8), -(-shape[1] // 16)
            s = exponents(*grid, dtype=E8) if kind == E8 else floats(grid, kind)
            want = library._create_dequantized_weight(w, s)
            out |= named(f"{cut}{i}", {"weight": w, "weight_scale_inv": s}, want)
    w, s = bytes_(16, 48).view(F8), exponents(2, 3)   # bytes for exponents: transformers alone
    out |= named("bytes", {"weight": w, "weight_scale_inv": s},
                 Fp8Dequantize(None)._dequantize_one(w, s, BF16))
    w, s = bytes_(3, 16, 48).view(F8), floats((3, 2, 3), F32)
    each = [library._create_dequantized_weight(a, b) for a, b in zip(w, s)]
    out |= {"fused.gate_up_proj": w, "fused.gate_up_proj_scale_inv": s,
            "fused.gate_up_proj.want": torch.stack(each)}
    w, s = bytes_(5, 24).view(F8), floats((1,), F32)
    out |= named("one", {"weight": w, "weight_scale_inv": s, "activation_scale": s},
                 (w.to(F32) * s).to(BF16))
    return model(quant_method="fp8", weight_block_size=[8, 16], activation_scheme="dynamic"), out


def fp8_scaled():
    out = {}
    for kind in (F32, BF16, F16):
        for strategy, shape in (("channel", (7, 1)), ("tensor", (1,))):
            t = {"weight": bytes_(7, 30).view(F8), "weight_scale": floats(shape, kind)}
            out |= compressed(f"{strategy}.{str(kind)[6:]}", "float-quantized", t, num_bits=8,
                              type="float", strategy=strategy)
    t = {"weight": bytes_(6, 96).view(F8), "weight_scale": exponents(6, 3)}
    out |= compressed("mx", "mxfp8-quantized", t, num_bits=8, type="float", strategy="group",
                      group_size=32, scale_dtype="torch.uint8")
    return ct("mixed-precision", num_bits=8, type="float", strategy="channel"), out


def fp4():
    from transformers.integrations.finegrained_fp8 import Fp8Dequantize
    from transformers.integrations.mxfp4 import convert_moe_packed_tensors
    t = {"weight_packed": bytes_(5, 48), "weight_scale": exponents(5, 3)}
    out = compressed("packed", "mxfp4-pack-quantized", t, num_bits=4, type="float",
                     strategy="group", group_size=32, scale_dtype="torch.uint8")
    t = {"weight": bytes_(8, 64).view(torch.int8), "scale": exponents(8, 4, dtype=E8)}
    out |= named("rows", t, Fp8Dequantize(None)._dequantize_one(t["weight"], t["scale"], BF16))
    blocks, scales = bytes_(2, 6, 3, 16), torch.full((2, 6, 3), 120, dtype=torch.uint8)
    scales[0, :, 0] = torch.arange(6) * 42
    out |= {"experts.down_proj_blocks": blocks, "experts.down_proj_scales": scales,
            "experts.down_proj.want": convert_moe_packed_tensors(blocks, scales, dtype=BF16)}
    return model(quant_method="mxfp4"), out


def nvfp4():
    """ModelOpt has no CPU dequantizer: as vLLM 0.33 multiplies (modelopt.py), in F32."""
    codes = lambda p: torch.stack([p & 15, p >> 4], -1).reshape(p.shape[0], -1).long()
    e2m1 = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6, -0.0, -.5, -1, -1.5, -2, -3, -4, -6])
    scale = torch.randint(1, 127, (7, 3), generator=RNG).to(torch.uint8).view(F8)
    t = {"weight_packed": bytes_(7, 24), "weight_scale": scale,
         "weight_global_scale": torch.tensor([1234.567]), "input_global_scale": torch.tensor([3.0])}
    out = compressed("ct", "nvfp4-pack-quantized", t, num_bits=4, type="float",
                     strategy="tensor_group", group_size=16)
    t = {"weight": bytes_(7, 24), "weight_scale": scale, "weight_scale_2": torch.tensor(0.00123),
         "input_scale": torch.tensor(3.0)}
    w = e2m1[codes(t["weight"])] * (scale.to(F32) * t["weight_scale_2"]).repeat_interleave(16, 1)
    return model(quant_method="modelopt"), out | named("modelopt", t, w.to(BF16))


# ---- whole numbers of compressed-tensors

def packed():
    out = {}
    rows = [(bits, symmetric, "group", 4, 11, 40) for bits in (3, 4, 6, 8)
            for symmetric in (True, False)]
    rows += [(bits, False, "channel", 1, 9, 37) for bits in (1, 2, 4, 5, 7, 8)]
    for bits, symmetric, strategy, groups, height, cols in rows:
        t = {"weight_packed": words(height, -(-cols * bits // 32)),
             "weight_scale": floats((height, groups), (BF16, F16, F32)[bits % 3]),
             "weight_shape": torch.tensor([height, cols])}
        if not symmetric:
            t["weight_zero_point"] = words(-(-height * bits // 32), groups)
        size = {"group_size": cols // groups} if groups > 1 else {}
        out |= compressed(f"b{bits}.{strategy}{'' if symmetric else '.zero'}", "pack-quantized", t,
                          num_bits=bits, type="int", symmetric=symmetric, strategy=strategy, **size)
    return ct("pack-quantized", type="int"), out


def ordered():
    """weight_g_idx, which vLLM reads: the columns of each group together, decompressed, put back."""
    out = {}
    for symmetric in (True, False):
        rows, cols, groups = 9, 64, 4
        order = torch.randperm(cols, generator=RNG)
        index = torch.empty(cols, dtype=torch.int32)
        index[order] = torch.arange(cols, dtype=torch.int32) // (cols // groups)
        codes = torch.randint(0, 16, (rows, cols), generator=RNG)
        pack = lambda c: (c.reshape(rows, -1, 8) << torch.arange(0, 32, 4)).sum(-1)
        t = {"weight_packed": pack(codes[:, order]).to(torch.int32),
             "weight_scale": floats((rows, groups), BF16), "weight_shape": torch.tensor([rows, cols])}
        if not symmetric:
            t["weight_zero_point"] = words(2, groups)
        want = torch.empty(rows, cols, dtype=BF16)
        want[:, order] = decompress("pack-quantized", t, num_bits=4, type="int",
                                    symmetric=symmetric, strategy="group", group_size=16)
        t |= {"weight_packed": pack(codes).to(torch.int32), "weight_g_idx": index}
        out |= named("sym" if symmetric else "zero", t, want)
        if symmetric:                               # in order, and not set: as without
            for name, index in (("plain", torch.arange(cols) // 16), ("unset", torch.full((cols,), -1))):
                want = decompress("pack-quantized", t, num_bits=4, type="int", strategy="group",
                                  group_size=16)
                out |= named(name, {**t, "weight_g_idx": index.to(torch.int32)}, want)
    return ct("pack-quantized", type="int", num_bits=4), out


def int8():
    import bitsandbytes.functional as bnb
    out = {}
    for kind in (F32, BF16, F16):
        for symmetric in (True, False):
            for strategy, shape in (("channel", (5, 1)), ("tensor", (1,)), ("group", (5, 3))):
                t = {"weight": bytes_(5, 48).view(torch.int8), "weight_scale": floats(shape, kind)}
                if not symmetric:
                    t["weight_zero_point"] = bytes_(*shape).view(torch.int8)
                size = {"group_size": 16} if strategy == "group" else {}
                out |= compressed(f"{strategy}.{str(kind)[6:]}{'' if symmetric else '.zero'}",
                                  "int-quantized", t, num_bits=8, type="int",
                                  symmetric=symmetric, strategy=strategy, **size)
    return ct("int-quantized", num_bits=8, type="int"), out


def llm_int8():
    import bitsandbytes.functional as bnb
    t = {"weight": bytes_(7, 33).view(torch.int8), "SCB": floats((7,), F32, 0.1, 3),
         "weight_format": torch.tensor(0, dtype=torch.uint8)}
    config = model(quant_method="bitsandbytes", load_in_8bit=True)
    config["torch_dtype"] = "float32"                   # which tells the two products from one
    return config, named("m", t, bnb.int8_vectorwise_dequant(t["weight"], t["SCB"]))


def bnb_4bit():
    """Shapes that bitsandbytes' CPU kernel gets right: rows shorter than a block it does not all."""
    import bitsandbytes.functional as bnb
    out = {}
    rows = [(kind, nested, dtype, shape, 64) for kind in ("nf4", "fp4") for nested in (False, True)
            for dtype, shape in ((BF16, (9, 33)), (F16, (3, 64)), (F32, (7, 9)))]
    rows += [("nf4", True, BF16, (90, 93), 32)]         # 262 blocks: more than share a magnitude
    for kind, nested, dtype, shape, block in rows:
        x = torch.randn(shape, generator=RNG).to(dtype)
        codes, state = bnb.quantize_4bit(x, blocksize=block, quant_type=kind,
                                         compress_statistics=nested)
        want = bnb.dequantize_4bit(codes, state) + 0.0  # -0 of FP4 is one kernel's own
        if kind == "fp4" and codes.numel() % 2 == 0:    # bnb_4bit_quant_storage
            codes = codes.reshape(-1).view(BF16).reshape(-1, 1)
        t = {"weight." + key: value for key, value in state.as_dict(packed=True).items()}
        out |= named(f"{kind}{'.nested' if nested else ''}.{str(dtype)[6:]}.{block}",
                     {"weight": codes, **t}, want)
    return model(quant_method="bitsandbytes", load_in_4bit=True), out


def torchao_int8():
    from torchao.quantization.granularity import PerRow
    from torchao.quantization.quantize_.workflows.int8.int8_tensor import Int8Tensor
    out = {}
    for name, shape in (("matrix", (9, 40)), ("experts", (2, 5, 24))):
        t = Int8Tensor.from_hp(torch.randn(shape, generator=RNG).to(BF16), PerRow())
        parts = {"_weight_qdata": t.qdata, "_weight_scale": t.scale}
        if t.zero_point is not None:
            parts["_weight_zero_point"] = t.zero_point
        out |= named(name, parts, t.dequantize())
    return model(quant_method="torchao"), out


# ---- GPTQ and AWQ

def gptq(v1):
    """As auto-round's layer multiplies with the columns of 1 (it has no dequantize), in F32."""
    from auto_round_extension.torch import qlinear_torch, qlinear_torch_zp
    out = {}
    for bits in (4, 8):
        for order in (False, True):
            cols, rows, group = 96, 32, 32
            library = (qlinear_torch_zp if v1 else qlinear_torch).QuantLinear(bits, group, cols,
                                                                             rows, False)
            library.qweight = words(*library.qweight.shape)
            library.qzeros = words(*library.qzeros.shape) & (0x77777777 if bits == 4 else 0x7f7f7f7f)
            library.scales = floats((cols // group, rows), F16).to(F32)
            g_idx = torch.arange(cols, dtype=torch.int32) // group
            if order:
                g_idx = g_idx[torch.randperm(cols, generator=RNG)]
                library.g_idx = g_idx
            want = library(torch.eye(cols)).T.to(F16) + 0.0
            t = {"qweight": library.qweight, "qzeros": library.qzeros,
                 "scales": library.scales.to(F16), "g_idx": g_idx}
            out |= named(f"b{bits}{'.order' if order else ''}", t, want)
    return model(quant_method="gptq", bits=4, group_size=32,
                 checkpoint_format="gptq" if v1 else "gptq_v2"), out


def awq():
    from compressed_tensors.entrypoints.convert.converters.autoawq import AutoAWQConverter
    out = {}
    for zeros in (True, False):
        t = {"qweight": words(64, 3), "scales": floats((2, 24), F16), "qzeros": words(2, 3)}
        if not zeros:
            t["qzeros"][:] = -2004318072                # 8 in all nibbles, which is left out then
        p = AutoAWQConverter(group_size=32, ignore=()).process({"m." + k: v for k, v in t.items()})
        want = decompress("pack-quantized", {k[2:]: v for k, v in p.items()}, num_bits=4, type="int",
                          symmetric=False, strategy="group", group_size=32)
        if not zeros:
            del t["qzeros"]
        out |= named("zeros" if zeros else "none", t, want)
    return model(quant_method="awq", bits=4, group_size=32, version="gemm"), out


CASES = {"fp8-block": fp8_block, "fp8-scaled": fp8_scaled, "fp4": fp4, "packed": packed,
         "ordered": ordered, "int8": int8, "llm-int8": llm_int8, "nvfp4": nvfp4,
         "bnb-4bit": bnb_4bit, "gptq": lambda: gptq(True), "gptq-v2": lambda: gptq(False), "awq": awq,
         "torchao": torchao_int8}


def main(argv):
    given = argv[:1] == ["--wheels"]
    if given:
        sys.path.append(argv[1])
        argv = argv[2:]
    good = Path(argv[0] if argv else Path(__file__).parents[2] / "testdata") / "good"
    torch.set_num_threads(1)
    for name, make in CASES.items():
        if name.startswith(("gptq", "torchao")) and not given:
            print(f"{name}: SKIPPED, no --wheels")
            continue
        RNG.manual_seed(14)
        config, tensors = make()
        path = good / f"coded-{name}.safetensors"
        save_file(tensors, path, metadata={"config": json.dumps(config)})
        print(path, path.stat().st_size)


if __name__ == "__main__":
    main(sys.argv[1:])
