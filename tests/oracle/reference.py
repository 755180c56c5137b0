"""reference.py - the compressed-tensors arithmetic once more, in torch and numpy, from its definition

scale = absmax / 127.5 in the weight's own dtype, an all-zero group gets the dtype's epsilon
(compressed-tensors 0.20.0, quantization/utils/helpers.py, calculate_qparams, which is called here).
code = the nearest integer to weight / scale within [-128, 127], ties to even; the division in fp32.
"""
import numpy as np
import torch
from compressed_tensors.quantization import QuantizationArgs
from compressed_tensors.quantization.utils import calculate_qparams

DTYPES = {"F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32,
          "F64": torch.float64, "I8": torch.int8, "I32": torch.int32, "I64": torch.int64,
          "U8": torch.uint8, "BOOL": torch.bool}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
ARGS = QuantizationArgs(num_bits=8, type="int", symmetric=True)


def to_torch(tensor):
    """A torch tensor of a raw one (common.Tensor)."""
    if not tensor.data:
        return torch.empty(tensor.shape, dtype=DTYPES[tensor.dtype])
    return torch.frombuffer(bytearray(tensor.data), dtype=DTYPES[tensor.dtype]).reshape(tensor.shape)


def to_bytes(tensor):
    return tensor.contiguous().view(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""


def grouped(weight, group):
    """[rows, cols] as [rows, groups, columns of a group]; group 0 is the whole row."""
    return weight.reshape(weight.shape[0], -1, group or weight.shape[1])


def narrowed(weight):
    """F64 becomes F32 first: no runtime has an F64 scale."""
    return weight.float() if weight.dtype == torch.float64 else weight


def scales(weight, group):
    """[rows, groups] in the weight's dtype, as llm-compressor stores them."""
    parts = grouped(narrowed(weight), group)
    return calculate_qparams(parts.amin(2), parts.amax(2), ARGS)[0]


def codes(weight, scale, group):
    """The codes for the stored scales, [rows, cols] int8: one IEEE fp32 division, clamp, rint.

    float64 then proves each to be the nearest.  For 16-bit weights exactly so.  The quotient of
    fp32 weights may lie within its own rounding error of k + 1/2, and there both neighbours are
    near: -absmax does so in every row, its quotient being -127.5 or next to it.
    """
    weight = narrowed(weight)
    w, s = grouped(weight, group).float().numpy(), scale.float().numpy()[:, :, None]
    code = np.rint(np.clip(w / s, -128, 127))
    exact = np.clip(w.astype(np.float64) / s, -128, 127)
    if weight.dtype == torch.float32:
        assert (np.abs(exact - code) <= 0.5 + np.abs(exact) * 2.0 ** -24).all(), "not the nearest"
    else:
        assert (code == np.rint(exact)).all(), "not the nearest"
    return code.reshape(weight.shape).astype(np.int8)


def pack(code):
    """pack-quantized, 8 bits: code ^ 0x80, rows padded with zeros to whole 32-bit words."""
    raw = code.view(np.uint8) ^ 0x80
    return np.pad(raw, ((0, 0), (0, -raw.shape[1] % 4)))


def decode(code, scale, group):
    """The float weight that compressed-tensors makes of it: one product in the scale's dtype."""
    parts = grouped(torch.from_numpy(code), group).to(scale.dtype)
    return (parts * scale[:, :, None]).reshape(code.shape)
