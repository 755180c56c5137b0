"""inspect_make.py - small files whose numbers are awkward, for judge_inspect.py"""
import torch
from safetensors.torch import save_file

F16, BF16, F32, F64 = torch.float16, torch.bfloat16, torch.float32, torch.float64
DTYPES = {"f16": F16, "bf16": BF16, "f32": F32, "f64": F64}
SEED = 20240607

# What must be escaped in JSON, in a terminal, or in a path.
NAMES = ['quote"back\\slash', "line\nfeed\ttab\rreturn", "\u00e9\u4e2d\U0001f600", "\x7f\x1b[31m\u202e",
         "../up", "", " ", "a.b..c.", "re:.*", "*?[x]", "\ufeff", "\ud7ff\ue000\ufffd"]


def special(dtype):
    """Its largest number, its least normal and its least denormal one."""
    info = torch.finfo(torch.float32 if dtype == F64 else dtype)
    return info.max, info.tiny, info.tiny * info.eps


def matrices(dtype, random):
    """What stands in for weights: {what it is: values}."""
    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=F64)

    largest, least, denormal = special(dtype)
    huge, tiny = (6e4, 1e-7) if dtype == F16 else (1e30, 1e-30)
    m = {"gauss": normal(64, 256), "one_row": normal(1, 128), "one_column": normal(128, 1),
         "one_element": normal(1, 1), "two_rows": normal(2, 64), "not_32": normal(33, 100),
         "chunk_4097": normal(70, 4097), "rows_99": normal(99, 32), "rows_250": normal(250, 64),
         "zeros": torch.zeros(8, 64), "nan": torch.full((4, 32), torch.nan),
         "constant": torch.full((40, 96), 0.1), "huge": normal(32, 128) * huge / 8,
         "tiny": normal(32, 128) * tiny, "offset": normal(48, 128) * 0.01 + 7,
         "offset_64k": normal(64, 256) + 6e4 / 8, "small_beside": normal(24, 256),
         "ties": torch.randint(-255, 256, (64, 256), generator=random) / 2.0}
    m["zero_rows"] = normal(20, 64)
    m["zero_rows"][::3] = 0
    m["minus_zero"] = -torch.zeros(4, 32)
    m["minus_zero"][1] = normal(32)
    m["not_finite"] = normal(30, 96)
    m["not_finite"][7, 3], m["not_finite"][9, 95], m["not_finite"][9, 0] = (
        torch.nan, torch.inf, -torch.inf)
    m["equal_rows"] = normal(1, 128).repeat(50, 1)
    m["equal_rows"][:, 5] *= 100
    m["denormals"] = torch.randint(-9, 10, (16, 64), generator=random) * denormal
    m["some_denormals"] = normal(16, 64) * least * 2
    m["fp16_denormals"] = normal(32, 64) * 2e-7
    m["beyond_fp16"] = normal(12, 64)
    m["beyond_fp16"][5, 7], m["beyond_fp16"][9, 7] = min(7e4, largest), min(1e5, largest)
    m["edge_of_fp16"] = normal(4, 64) * 100
    m["edge_of_fp16"][:, 3] = 65519 if dtype != F16 else 65504      # rounds to 65504
    m["largest"] = normal(6, 64)
    m["largest"][2, 9], m["largest"][4, 9] = largest, -largest
    m["row_scales"] = normal(60, 96) * 10 ** torch.linspace(-7 if dtype == F16 else -35,
                                                           4 if dtype == F16 else 35, 60)[:, None]
    m["falling"] = m["row_scales"].flip(0).abs()
    m["small_beside"][:, :128] *= 1e-7 if dtype == F16 else 1e-37
    m["small_beside"][:4, 128:] = 0
    m["column"] = normal(100, 128)
    m["column"][:, 77] *= 50
    m["columns"] = normal(200, 400)
    for i in range(11):
        m["columns"][:, 30 * i] *= 20 + i
    m["row_outlier"] = normal(300, 128)
    m["row_outlier"][[3, 250], [5, 100]] = 100
    return m


def others(dtype, random):
    """What is no weight: other ranks, and names that want escaping."""
    def normal(*shape):
        return torch.randn(*shape, generator=random, dtype=F64)

    long = normal(3 * 65536 + 17)
    long[70000], long[-1], long[3] = torch.nan, torch.inf, 0
    rest = {"scalar": normal(1).reshape([]), "vector": normal(1000), "long": long,
            "three": normal(3, 4, 5), "eight": normal(*[2] * 8), "empty": torch.zeros(0),
            "empty_rows": torch.zeros(0, 5), "empty_columns": torch.zeros(5, 0),
            "empty_three": torch.zeros(2, 0, 3), "m.0.experts.down_proj": normal(3, 8, 32)}
    for i, name in enumerate(NAMES):
        rest[name] = normal(4)
        rest[f"{name}.{i}.up_proj.weight"] = normal(4, 32)
    return rest


def write(folder):
    """One file for each dtype, and a small one of each other dtype; returns their paths."""
    folder.mkdir()
    paths = []
    for name, dtype in DTYPES.items():
        random = torch.Generator().manual_seed(SEED)
        tensors = {f"model.layers.{i}.mlp.{what}.up_proj.weight": values
                   for i, (what, values) in enumerate(matrices(dtype, random).items())}
        tensors |= others(dtype, random)
        if dtype == F64:        # q8 refuses what fp32 cannot hold; the rest is rounded
            tensors = {n: t.float().double() if i % 2 else t for i, (n, t) in
                       enumerate(tensors.items())}
        paths.append(folder / f"{name}.safetensors")
        save_file({n: t.to(dtype).contiguous() for n, t in tensors.items()}, paths[-1])
    return paths
