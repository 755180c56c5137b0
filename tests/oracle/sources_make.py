"""sources_make.py - quantized checkpoints: each scheme's tensors, and the floats that its library makes of them

A scheme turns one weight into parts, with the library's own quantizer where it has one that runs on a
CPU, and hands the parts to the library's dequantizer.  No arithmetic of values is written down here.
"""
import os
import sys
from pathlib import Path
from types import ModuleType

import bitsandbytes.functional as bnb
import torch
from compressed_tensors.compressors import BaseCompressor
from compressed_tensors.entrypoints.convert.converters.autoawq import AutoAWQConverter
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from compressed_tensors.quantization.utils import calculate_qparams
from transformers.integrations.finegrained_fp8 import Fp8Dequantize
from transformers.integrations.mxfp4 import convert_moe_packed_tensors

from sources_fp8 import absmax, BF16, E8M0, F8, F8_MAX, Fp8Blocks, Fp8Fused, Fp8Tensor


class Fp4Rows:
    """DeepSeek-V4's experts: two codes in a byte, E8M0 for 32 columns."""

    read = True

    def config(self, skip):
        return {"quant_method": "fp8", "activation_scheme": "dynamic", "scale_fmt": "ue8m0",
                "weight_block_size": [128, 128], "modules_to_not_convert": skip}

    def fits(self, weight):
        return weight.shape[1] % 32 == 0

    def parts(self, weight):
        packed = compress(MXFP4, weight, torch.float32)
        return {".weight": packed[".weight_packed"].view(torch.int8),
                ".scale": packed[".weight_scale"].view(E8M0)}

    def floats(self, parts, dtype):
        return Fp8Dequantize(None)._dequantize_one(parts[".weight"], parts[".scale"], dtype)


class Compressed:
    """A format of compressed-tensors: its own compressor and decompressor."""

    read = True

    def __init__(self, form, scale=BF16, **words):
        self.form, self.scale, self.words = form, scale, words
        self.own = words["type"] == "int" or form == "float-quantized"      # the scale's type, or the model's
        self.args = QuantizationArgs(**words)
        self.scheme = QuantizationScheme(targets=["Linear"], weights=self.args, format=form)

    def config(self, skip):
        weights = {k: str(v) if isinstance(v, torch.dtype) else v for k, v in self.words.items()}
        return {"quant_method": "compressed-tensors", "format": self.form, "ignore": skip,
                "quantization_status": "compressed",
                "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": None,
                                              "output_activations": None,
                                              "weights": {"dynamic": False, **weights}}}}

    def fits(self, weight):
        """compressed-tensors makes bf16 of NVFP4 in any model, and a loader rounds that again."""
        return weight.shape[1] % self.words.get("group_size", 1) == 0 and (
            weight.dtype == BF16 or self.form != "nvfp4-pack-quantized")

    def parts(self, weight):
        return compress(self, weight, self.scale)

    def floats(self, parts, dtype):
        local = {name[1:]: part for name, part in parts.items()}
        value = BaseCompressor.get_value_from_registry(self.form).decompress(local, self.scheme)["weight"]
        return value.to(self.scale if self.own and self.scale != torch.float32 else dtype)


def bounds(scheme, weight):
    """Least and greatest of the elements that share a scale, as calculate_qparams takes them."""
    if "block_structure" in scheme.words:
        rows, cols = scheme.words["block_structure"]
        most = absmax(weight, rows, cols)
        return -most, most
    strategy, size = scheme.words["strategy"], scheme.words.get("group_size")
    shape = (1, 1, -1) if strategy == "tensor" else (weight.shape[0], -1, size or weight.shape[1])
    groups = weight.float().reshape(shape)
    return groups.amin(2), groups.amax(2)


def compress(scheme, weight, dtype):
    """{suffix: part} of one weight."""
    low, high = bounds(scheme, weight)
    local = {"weight": weight.to(dtype)}
    if scheme.form == "nvfp4-pack-quantized":
        local["weight_global_scale"] = (F8_MAX * 6 / weight.float().abs().max()).reshape(1)
    scale, zero = calculate_qparams(low.to(dtype), high.to(dtype), scheme.args,
                                    global_scale=local.get("weight_global_scale"))
    local["weight_scale"] = scale.reshape(1) if scheme.words["strategy"] == "tensor" else scale
    if not scheme.words.get("symmetric", True):
        local["weight_zero_point"] = zero
    done = BaseCompressor.get_value_from_registry(scheme.form).compress(local, scheme.scheme)
    return {f".{name}": part.contiguous() for name, part in done.items() if part is not None}


MXFP4 = Compressed("mxfp4-pack-quantized", num_bits=4, type="float", strategy="group", group_size=32,
                   scale_dtype=torch.uint8)


class BnbInt8:
    read = False        # transformers keeps it as it is, and wants all parts in one shard

    def config(self, skip):
        return {"quant_method": "bitsandbytes", "load_in_8bit": True, "llm_int8_threshold": 6.0,
                "llm_int8_skip_modules": skip}

    def parts(self, weight):
        code, scale, _ = bnb.int8_vectorwise_quant(weight.half())
        return {".weight": code, ".SCB": scale, ".weight_format": torch.tensor(0, dtype=torch.uint8)}

    def floats(self, parts, dtype):
        return bnb.int8_vectorwise_dequant(parts[".weight"], parts[".SCB"]).to(dtype)


class Bnb4Bit:
    """Blocks run over the whole matrix.  bitsandbytes 0.50.2 begins anew in each row on the CPU, where rows
    are multiples of 32 alone, unlike its quantizer and its other kernels: it is asked for rows of a block."""

    read = False

    def __init__(self, kind, nested):
        self.kind, self.nested = kind, nested

    def config(self, skip):
        return {"quant_method": "bitsandbytes", "load_in_4bit": True, "bnb_4bit_quant_type": self.kind,
                "bnb_4bit_use_double_quant": self.nested, "bnb_4bit_quant_storage": "uint8",
                "bnb_4bit_compute_dtype": "bfloat16", "llm_int8_skip_modules": skip}

    def fits(self, weight):
        return weight.numel() % 64 == 0

    def parts(self, weight):
        code, state = bnb.quantize_4bit(weight, blocksize=64, quant_type=self.kind,
                                        compress_statistics=self.nested)
        return {".weight": code, **{f".weight.{name}": part.contiguous()
                                    for name, part in state.as_dict(packed=True).items()}}

    def floats(self, parts, dtype):
        state = {name.removeprefix(".weight."): part for name, part in parts.items() if name != ".weight"}
        state = bnb.QuantState.from_dict(state, device=torch.device("cpu"))
        shape, state.shape = state.shape, torch.Size((state.shape.numel() // 64, 64))
        return bnb.dequantize_4bit(parts[".weight"], state).reshape(shape)


class Mxfp4Blocks:
    """gpt-oss: the experts of a layer in one tensor, with rows where the model has columns."""

    read = True

    def config(self, skip):
        return {"quant_method": "mxfp4", "modules_to_not_convert": skip}

    def parts(self, weight):                    # [experts, in, out]
        turned = weight.transpose(1, 2)
        packed = compress(MXFP4, turned.reshape(-1, turned.shape[2]), torch.float32)
        shape = (*turned.shape[:2], turned.shape[2] // 32)
        return {"_blocks": packed[".weight_packed"].reshape(*shape, 16),
                "_scales": packed[".weight_scale"].reshape(shape)}

    def floats(self, parts, dtype):
        return convert_moe_packed_tensors(parts["_blocks"].clone(), parts["_scales"].clone(), dtype=dtype)


def grid(weight, size, symmetric):
    """Codes [rows, cols] of 4 bits, scales F16 and zeros [rows, groups]: where AWQ's and GPTQ's come from."""
    args = QuantizationArgs(num_bits=4, type="int", symmetric=symmetric, strategy="group", group_size=size)
    groups = weight.float().reshape(weight.shape[0], -1, size)
    scale, zero = calculate_qparams(groups.amin(2), groups.amax(2), args)
    scale = scale.half()
    zero = zero.float() + 8
    code = (groups / scale.float().unsqueeze(2) + zero.unsqueeze(2)).round().clamp(0, 15)
    return code.reshape(weight.shape).int(), scale, zero.int()


def pack_nibbles(x, order):
    """[..., 8 * n] to words [..., n]; `order`: where each of eight lies, the lowest bits first."""
    x = x.reshape(*x.shape[:-1], -1, 8).to(torch.int64)
    word = sum(x[..., i] << 4 * order[i] for i in range(8))
    return torch.where(word >= 2**31, word - 2**32, word).int().contiguous()


class Awq:
    """AutoAWQ's gemm: compressed-tensors converts and decompresses it."""

    order, read = (0, 4, 1, 5, 2, 6, 3, 7), False

    def config(self, skip):
        return {"quant_method": "awq", "bits": 4, "group_size": 32, "zero_point": True, "version": "gemm",
                "modules_to_not_convert": skip}

    def fits(self, weight):
        return weight.shape[1] % 32 == 0 and weight.shape[0] % 8 == 0

    def parts(self, weight):
        code, scale, zero = grid(weight, 32, False)
        return {".qweight": pack_nibbles(code.T, self.order), ".scales": scale.T.contiguous(),
                ".qzeros": pack_nibbles(zero.T, self.order)}

    def floats(self, parts, dtype):
        named = {f"m{name}": part for name, part in parts.items()}
        done = AutoAWQConverter(group_size=32, ignore=()).process(named)
        form = integer("pack-quantized", 4, symmetric=False, strategy="group", group_size=32)
        return BaseCompressor.get_value_from_registry(form.form).decompress(
            {name[2:]: part for name, part in done.items()}, form.scheme)["weight"]


class Gptq:
    """Groups in the order of columns or not; auto-round's layer multiplies with the columns of 1."""

    read = False

    def __init__(self, v1, ordered):
        self.v1, self.ordered = v1, ordered

    def config(self, skip):
        return {"quant_method": "gptq", "bits": 4, "group_size": 32, "desc_act": self.ordered, "sym": False,
                "checkpoint_format": "gptq" if self.v1 else "gptq_v2", "modules_in_block_to_quantize": None}

    def fits(self, weight):
        return weight.shape[1] % 32 == 0 and weight.shape[0] % 8 == 0

    def parts(self, weight):
        cols = weight.shape[1]
        order = torch.randperm(cols, generator=torch.Generator().manual_seed(1)) if self.ordered else torch.arange(cols)
        code, scale, zero = grid(weight[:, order], 32, False)
        code[:, order] = code.clone()
        group = torch.empty(cols, dtype=torch.int32)
        group[order] = torch.arange(cols, dtype=torch.int32) // 32
        row = tuple(range(8))
        return {".qweight": pack_nibbles(code, row).T.contiguous(), ".scales": scale.T.contiguous(),
                ".qzeros": pack_nibbles((zero - self.v1).T % 16, row), ".g_idx": group}

    def floats(self, parts, dtype):
        from auto_round_extension.torch import qlinear_torch, qlinear_torch_zp
        rows, cols = parts[".scales"].shape[1], parts[".g_idx"].shape[0]
        bands = []
        for first in range(0, rows, cols):      # with an order, the layer takes as many rows as columns
            some = slice(first, min(first + cols, rows))
            layer = (qlinear_torch_zp if self.v1 else qlinear_torch).QuantLinear(4, 32, cols, some.stop - first, False)
            layer.qweight = parts[".qweight"][:, some]
            layer.qzeros = parts[".qzeros"][:, first // 8:some.stop // 8]
            layer.scales = parts[".scales"][:, some].float()
            if self.ordered:
                layer.g_idx = parts[".g_idx"]
            bands.append(layer(torch.eye(cols)).T.half() + 0.0)
        return torch.cat(bands)


class Stub(ModuleType):
    """A package whose own file is not run; what lies in it is."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *args, **words: None


def find_auto_round():
    """auto-round's wheel, beside those of vLLM and SGLang, can be imported from; whether it is there.  Its layer
    needs none of the packages that those around it import."""
    wheels = sorted(Path(os.environ.get("Q8_WHEELS", "/tmp/wheels")).glob("auto_round-0.16.1-*.whl"))
    for wheel in wheels:
        sys.path.append(str(wheel))
        for name in ("auto_round", "auto_round.utils"):
            sys.modules.setdefault(name, Stub(name)).__path__ = [f"{wheel}/{name.replace('.', '/')}"]
    return bool(wheels)


def integer(form, bits, **words):
    return Compressed(form, num_bits=bits, type="int", **words)


def floating(form, scale, **words):
    return Compressed(form, scale, num_bits=8, type="float", **words)


F32, EXPERTS = torch.float32, ("", "_scale_inv")
SCHEMES = {
    "fp8-block": Fp8Blocks(F32, (32, 32)),
    "fp8-block-bf16": Fp8Blocks(BF16, (40, 48)),
    "fp8-block-e8m0": Fp8Blocks(E8M0, (32, 16)),
    "fp8-block-unsaid": Fp8Blocks(F32, (128, 128), said=False),
    "fp8-block-128": Fp8Blocks(F32, (128, 128)),
    "fp8-block-128-bf16": Fp8Blocks(BF16, (128, 128)),
    "fp8-block-e5m2": Fp8Blocks(F32, (32, 32), code=torch.float8_e5m2),
    "fp8-fused": Fp8Fused(F32, (32, 32), names=EXPERTS),
    "fp8-scale": Fp8Blocks(E8M0, (32, 32), names=(".weight", ".scale")),
    "fp8-qscale": Fp8Blocks(F32, (32, 32), names=(".weight", ".qscale_weight"), more=(".qscale_act",)),
    "fp8-tensor": Fp8Tensor(),
    "ct-float-channel": floating("float-quantized", BF16, strategy="channel"),
    "ct-float-channel-f32": floating("float-quantized", F32, strategy="channel"),
    "ct-float-tensor": floating("float-quantized", F32, strategy="tensor"),
    "ct-float-block": floating("float-quantized", BF16, strategy="block", block_structure=[32, 32]),
    "mxfp8-ct": floating("mxfp8-quantized", F32, strategy="group", group_size=32, scale_dtype=torch.uint8),
    "mxfp4-gpt-oss": Mxfp4Blocks(),
    "mxfp4-ct": MXFP4,
    "fp4-rows": Fp4Rows(),
    "nvfp4-ct": Compressed("nvfp4-pack-quantized", F32, num_bits=4, type="float", strategy="tensor_group",
                           group_size=16, scale_dtype=F8),
    "ct-int4-g32": integer("pack-quantized", 4, symmetric=True, strategy="group", group_size=32),
    "ct-int4-g32-asym": integer("pack-quantized", 4, symmetric=False, strategy="group", group_size=32),
    "ct-int4-channel": integer("pack-quantized", 4, symmetric=False, strategy="channel"),
    "ct-int3-g64": integer("pack-quantized", 3, symmetric=True, strategy="group", group_size=64),
    "ct-int8-packed": integer("pack-quantized", 8, symmetric=True, strategy="channel"),
    "ct-int8-packed-asym": integer("pack-quantized", 8, symmetric=False, strategy="group", group_size=32),
    "ct-int8": integer("int-quantized", 8, symmetric=True, strategy="channel"),
    "ct-int8-asym": integer("int-quantized", 8, symmetric=False, strategy="channel"),
    "awq": Awq(),
    "bnb-int8": BnbInt8(),
    "bnb-nf4": Bnb4Bit("nf4", False),
    "bnb-nf4-nested": Bnb4Bit("nf4", True),
    "bnb-fp4": Bnb4Bit("fp4", False),
}
if find_auto_round():
    SCHEMES.update({"gptq": Gptq(1, False), "gptq-ordered": Gptq(1, True), "gptq-v2": Gptq(0, False)})
else:
    print("SKIPPED: GPTQ: no wheel of auto-round (pip download --no-deps auto-round==0.16.1)")
# Whose tensors are all experts of a layer; whose codes q8-inspect keeps, being symmetric int8.
FUSED = {"fp8-fused", "mxfp4-gpt-oss"}
KEPT = {"ct-int8", "ct-int8-packed", "bnb-int8"}
