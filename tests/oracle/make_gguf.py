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
    if not big:  # its writer turns the bytes of what it does not know as numbers the wrong way
        w.add_tensor("bf16", gguf.quantize(x, T.BF16), raw_dtype=T.BF16)
        w.add_tensor("q8_0", gguf.quantize(x, T.Q8_0), raw_dtype=T.Q8_0)
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


def split(folder):
    """Three parts as llama-gguf-split makes them."""
    x = numpy.random.default_rng(14).standard_normal((2, 32)).astype(numpy.float32)
    w = GGUFWriter(folder / "split.gguf", "llama", split_max_tensors=1)
    w.add_uint32("llama.block_count", 1)
    for name in "abc":
        w.add_tensor(f"{name}.weight", x + ord(name))
    w.write_header_to_file()
    w.write_kv_data_to_file()
    w.write_tensors_to_file()
    w.close()


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
    split(good)
    with open(good / "gguf.txt", "w", encoding="utf-8") as out:
        for path in sorted(good.glob("*.gguf")):
            out.writelines(line + "\n" for line in describe(path))
    for name, (data, _) in BAD.items():
        (bad / f"{name}.gguf").write_bytes(data)
    with open(bad / "expected_gguf.txt", "w", encoding="utf-8") as out:
        out.writelines(f"{name}\t{words}\n" for name, (_, words) in sorted(BAD.items()))


main()
