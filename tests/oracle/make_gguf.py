"""make_gguf.py - writes testdata/good/*.gguf by gguf-py, and testdata/bad/*.gguf by hand

    make_gguf.py [TESTDATA]     in the environment of env.sh; runs in a second

testdata/good/gguf.txt has what gguf's own reader says of the good ones, a line per tensor:
    FILE NAME TYPE SHAPE(outermost first) OFFSET BYTES
and testdata/bad/expected_gguf.txt the words that q8 must refuse each bad one with.
"""
import struct
import sys
from pathlib import Path

import gguf
import numpy
from gguf import GGMLQuantizationType as T, GGUFEndian, GGUFReader, GGUFWriter

ROOT = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2] / "testdata")


def version(path, number, big):
    """Sets the version: 2 and 3 have one layout."""
    data = bytearray(path.read_bytes())
    data[4:8] = struct.pack(">I" if big else "<I", number)
    path.write_bytes(data)


def turn(stored, kind):
    """The bytes of a big-endian machine, as gguf's scripts/gguf_convert_endian.py has them."""
    block = stored.reshape(-1, gguf.GGML_QUANT_SIZES[kind][1]).copy()
    block[:, :2] = block[:, 1::-1]
    return block.reshape(stored.shape)


def floats(path, big, number=3):
    """One tensor of each type that q8 has floats of, and metadata of each type."""
    w = GGUFWriter(path, "llama", endianess=GGUFEndian.BIG if big else GGUFEndian.LITTLE)
    w.add_uint8("a.u8", 200)
    w.add_int8("a.i8", -5)
    w.add_uint16("a.u16", 60000)
    w.add_int16("a.i16", -300)
    w.add_uint32("a.u32", 4000000000)
    w.add_int32("a.i32", -70000)
    w.add_float32("a.f32", 0.1)
    w.add_bool("a.bool", True)
    w.add_string("a.text", "caf\u00e9")
    w.add_uint64("a.u64", 2 ** 63 + 1)
    w.add_int64("a.i64", -2 ** 62)
    w.add_float64("a.f64", 0.1)
    w.add_array("a.numbers", [3, 1, 2])
    w.add_array("a.flags", [True, False])
    w.add_array("tokenizer.ggml.tokens", [""] * 1030)
    x = numpy.random.default_rng(14).standard_normal((3, 64)).astype(numpy.float32)
    w.add_tensor("f32", x)
    w.add_tensor("f16", x.astype(numpy.float16))
    w.add_tensor("f64", x.astype(numpy.float64))
    w.add_tensor("vector", x[0])
    w.add_tensor("cube", x.reshape(2, 3, 32))
    for t in (T.BF16, T.Q8_0):
        stored = gguf.quantize(x * 3, t)
        w.add_tensor(t.name.lower() + "_floats", gguf.dequantize(stored, t))
        w.add_tensor(t.name.lower(), turn(stored, t) if big else stored, raw_dtype=t)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    version(path, number, big)


def blocks(path):
    """A tensor of every type that gguf-py has, of zeros."""
    w = GGUFWriter(path, "llama")
    for t in T:
        elements, size = gguf.GGML_QUANT_SIZES[t]
        w.add_tensor(t.name.lower(), numpy.zeros((2, size), numpy.uint8),
                     raw_shape=(2, size), raw_dtype=t)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


def halves(x, heads):
    """Rows [head][2][half] to [head][half][2]: what llama.cpp makes of queries and keys."""
    rows = len(x) // heads // 2
    return x.reshape(heads, 2, rows, *x.shape[1:]).swapaxes(1, 2).reshape(x.shape)


def small(path, arch, experts=0, kind=T.F16, split=0):
    """A model of one layer: element i of the tensor that is added as number j is i % 97 + j."""
    heads, kv, head, hidden = 4, 2, 8, 32
    keys = {"block_count": 1, "context_length": 64, "embedding_length": hidden,
            "feed_forward_length": 32, "attention.head_count": heads,
            "attention.head_count_kv": kv, "expert_count": experts, "expert_used_count": 2,
            "expert_feed_forward_length": 32, "attention.key_length": head,
            "attention.value_length": head}
    w = GGUFWriter(path, arch, split_max_tensors=split)
    for name, value in keys.items():
        if value:
            w.add_uint32(f"{arch}.{name}", value)
    w.add_float32(f"{arch}.attention.layer_norm_rms_epsilon", 1e-5)
    w.add_float32(f"{arch}.rope.freq_base", 500000)
    if arch == "gemma2":
        w.add_float32("gemma2.attn_logit_softcapping", 50)
        w.add_float32("gemma2.final_logit_softcapping", 30)
        w.add_uint32("gemma2.attention.sliding_window", 32)
    w.add_uint32("tokenizer.ggml.bos_token_id", 1)
    w.add_array("tokenizer.ggml.tokens", ["a", "b", "c", "d"])
    count = 0

    def add(name, *shape):
        nonlocal count
        count += 1
        x = (numpy.arange(numpy.prod(shape), dtype=numpy.float32) % 97 + count).reshape(shape)
        if arch == "llama" and name.startswith(("blk.0.attn_q", "blk.0.attn_k")):
            x = halves(x, heads if "attn_q" in name else kv)
        if arch == "gemma2" and "norm" in name:
            x = x + 1
        if len(shape) > 1:
            w.add_tensor(name + ".weight", gguf.quantize(x, kind), raw_dtype=kind)
        else:
            w.add_tensor(name + ".weight", x)

    add("token_embd", 4, hidden)
    add("output_norm", hidden)
    if arch != "gemma2":
        add("output", 4, hidden)
    add("blk.0.attn_norm", hidden)
    add("blk.0.ffn_norm", hidden)
    add("blk.0.attn_q", heads * head, hidden)
    add("blk.0.attn_k", kv * head, hidden)
    add("blk.0.attn_v", kv * head, hidden)
    add("blk.0.attn_output", hidden, heads * head)
    if experts:
        add("blk.0.ffn_gate_inp", experts, hidden)
        for part in ("gate", "up", "down"):
            add(f"blk.0.ffn_{part}_exps", experts, 32, 32)
    else:
        add("blk.0.ffn_gate", 32, hidden)
        add("blk.0.ffn_up", 32, hidden)
        add("blk.0.ffn_down", hidden, 32)
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


# Two experts of qwen3moe.gguf, of which the second has seen nothing; all others 4 tokens.
SUMS = {"blk.0.attn_q": 1, "blk.0.ffn_down_exps": 2, "blk.0.ffn_gate_inp": 1}


def sums_of(name, matrices):
    """Feature i has a root mean square of i + 1."""
    x = numpy.tile((numpy.arange(32, dtype=numpy.float32) + 1) ** 2 * 4, (matrices, 1))
    x[1:] = 0
    return x


def imatrix(folder):
    """What llama-imatrix writes, now and before 2025 (llama.cpp, tools/imatrix/imatrix.cpp)."""
    w = GGUFWriter(folder / "imatrix.gguf", "")
    w.add_type("imatrix")
    w.add_uint32("imatrix.chunk_count", 1)
    old = struct.pack("<i", len(SUMS))
    for name, matrices in SUMS.items():
        x, name = sums_of(name, matrices), name + ".weight"
        w.add_tensor(name + ".in_sum2", x)
        w.add_tensor(name + ".counts", numpy.array([[4], [0]], numpy.float32)[:matrices])
        old += struct.pack("<i", len(name)) + name.encode()
        old += struct.pack("<ii", 2, x.size) + (x / 2).tobytes()
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()
    (folder / "imatrix.dat").write_bytes(old + struct.pack("<ii", 1, 4) + b"text")


def describe(path):
    for t in GGUFReader(path).tensors:
        shape = ",".join(str(n) for n in reversed(t.shape.tolist()))
        yield f"{path.name} {t.name} {t.tensor_type.name} [{shape}] {t.data_offset} {t.n_bytes}"


# ---- bad ones ----

def text(s):
    s = s if isinstance(s, bytes) else s.encode()
    return struct.pack("<Q", len(s)) + s


def key(name, kind, value):
    return text(name) + struct.pack("<I", kind) + value


def tensor(name, dims, kind, offset):
    return text(name) + struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, kind, offset)


def u32(value):
    return struct.pack("<I", value)


def array(kind, count, rest=b""):
    return struct.pack("<IQ", kind, count) + rest


def whole(keys=(), tensors=(), data=256, number=3, magic=b"GGUF", counts=None):
    n = counts or (len(tensors), len(keys))
    head = magic + struct.pack("<IQQ", number, *n) + b"".join(keys) + b"".join(tensors)
    return head + bytes(-len(head) % 32 + data)


BAD = {
    "empty": (b"", "24 at least"),
    "magic": (whole(magic=b"GGML"), "does not begin with GGUF"),
    "version-1": (whole(number=1), "version 1"),
    "version-4": (whole(number=4), "version 4"),
    "version-0": (whole(number=0), "version 0"),
    "many-tensors": (whole(counts=(2 ** 60, 0)), "do not fit"),
    "many-keys": (whole(counts=(0, 2 ** 63)), "do not fit"),
    "tensors-more": (whole(counts=(2, 0), tensors=[tensor("a", [2], 0, 0)]), "without a name"),
    "keys-more": (whole([key("a", 4, u32(1))], counts=(0, 3)), "key 1 is empty"),
    "key-long": (whole([struct.pack("<Q", 2 ** 62)]), "a key at byte 24 claims"),
    "key-empty": (whole([key("", 4, u32(1))]), "is empty"),
    "key-nul": (whole([key("a\0b", 4, u32(1))]), "holds a NUL"),
    "key-latin1": (whole([key(b"\xe9", 4, u32(1))]), "not UTF-8"),
    "key-twice": (whole([key("a", 4, u32(1)), key("b", 4, u32(1)), key("a", 4, u32(1))]),
                  "key 'a': occurs twice"),
    "value-type": (whole([key("a", 13, u32(1))]), "key 'a': a value of type 13"),
    "value-long": (whole([key("a", 8, struct.pack("<Q", 2 ** 40))]), "key 'a': a text"),
    "value-latin1": (whole([key("a", 8, text(b"\xff"))]), "not UTF-8"),
    "array-huge": (whole([key("a", 9, array(8, 2 ** 60))]), "an array of 1152921504606846976"),
    "array-wraps": (whole([key("a", 9, array(10, 2 ** 61))]), "an array of 2305843009213693952"),
    "array-long": (whole([key("a", 9, array(0, 5000))]), "an array of 5000 u8"),
    "array-type": (whole([key("a", 9, array(99, 1))]), "of a type 99"),
    "array-nested": (whole([key("a", 9, array(9, 1, array(0, 1, b"\0")))]), "array of arrays"),
    "array-text-long": (whole([key("a", 9, array(8, 1, struct.pack("<Q", 2 ** 63)))]), "claims"),
    "array-text-skipped": (whole([key("a", 9, array(8, 1500, text("x") * 1400
                                                    + struct.pack("<Q", 2 ** 62)))], data=1000),
                           "a text of an array"),
    "alignment-0": (whole([key("general.alignment", 4, u32(0))]), "no power of two"),
    "alignment-48": (whole([key("general.alignment", 4, u32(48))]), "no power of two"),
    "alignment-type": (whole([key("general.alignment", 10, struct.pack("<Q", 32))]),
                       "must be u32"),
    "alignment-huge": (whole([key("general.alignment", 4, u32(2 ** 31))],
                             [tensor("a", [2], 0, 0)]), "beyond the end"),
    "type-future": (whole(tensors=[tensor("a", [2], 1000, 0)]), "type is number 1000"),
    "type-removed": (whole(tensors=[tensor("a", [32], 4, 0)]), "type is number 4"),
    "rank-9": (whole(tensors=[tensor("a", [1] * 9, 0, 0)]), "9 dimensions"),
    "rank-huge": (whole(tensors=[text("a") + u32(2 ** 32 - 1)]), "dimensions"),
    "dims-wrap": (whole(tensors=[tensor("a", [2 ** 33, 2 ** 33], 0, 0)]), "2^64 bits"),
    "dims-large": (whole(tensors=[tensor("a", [2 ** 40], 0, 0)]), "beyond the end"),
    "block-part": (whole(tensors=[tensor("a", [33], 8, 0)]), "no whole blocks of Q8_0"),
    "block-scalar": (whole(tensors=[tensor("a", [], 8, 0)]), "no whole blocks of Q8_0"),
    "offset-odd": (whole(tensors=[tensor("a", [2], 0, 8)]), "no multiple of the alignment"),
    "offset-wraps": (whole(tensors=[tensor("a", [2], 0, 2 ** 64 - 32)]), "beyond the end"),
    "offset-beyond": (whole(tensors=[tensor("a", [2], 0, 512)]), "beyond the end"),
    "data-cut": (whole(tensors=[tensor("a", [8], 0, 0)], data=31), "cut short"),
    "overlap": (whole(tensors=[tensor("a", [16], 0, 0), tensor("b", [2], 0, 32)]),
                "inside that of 'a'"),
    "overlap-same": (whole(tensors=[tensor("a", [2], 0, 0), tensor("b", [2], 0, 0)]),
                     "inside that of 'a'"),
    "tensor-twice": (whole(tensors=[tensor("a", [2], 0, 0), tensor("a", [2], 0, 32)]),
                     "tensor 'a': duplicate name"),
    "name-nul": (whole(tensors=[tensor("a\0", [2], 0, 0)]), "holds a NUL"),
    "header-cut": (whole([key("a", 10, b"")])[:40], "cut short"),
}


def main():
    good, bad = ROOT / "good", ROOT / "bad"
    for big in (False, True):
        for number in (2, 3):
            floats(good / f"{'big' if big else 'little'}-v{number}.gguf", big, number)
    blocks(good / "blocks.gguf")
    small(good / "split.gguf", "llama", split=5)      # three parts, as llama-gguf-split makes them
    small(good / "llama.gguf", "llama")
    small(good / "llama-q8_0.gguf", "llama", kind=T.Q8_0)
    small(good / "qwen3moe.gguf", "qwen3moe", experts=2)
    small(good / "gemma2.gguf", "gemma2")
    small(good / "unknown.gguf", "mamba3")
    imatrix(ROOT / "acts")
    with open(good / "gguf.txt", "w", encoding="utf-8") as out:
        for path in sorted(good.glob("*.gguf")):
            out.writelines(line + "\n" for line in describe(path))
    for name, (data, _) in BAD.items():
        (bad / f"{name}.gguf").write_bytes(data)
    with open(bad / "expected_gguf.txt", "w", encoding="utf-8") as out:
        out.writelines(f"{name}\t{words}\n" for name, (_, words) in sorted(BAD.items()))


main()
