#!/usr/bin/env python3
"""make.py - writes testdata/bad and testdata/good: tiny safetensors and npz files, byte by byte

    python3 testdata/make.py

Plain Python; not needed to run the tests.  Every file of good/ is one that safetensors 0.8.0
opens.  Every file of bad/ has one fault, named by the file; bad/expected.txt gives beside it the
words that the message must contain.  The few faults that safetensors lets pass are under BAD_HERE.
The npz files are the work of make_npz.py; their words are in bad/expected_npz.txt.  outliers/ has
norms and statistics of activations: make_outliers.py.  probe/ has captured activations:
make_probe.py.
"""
import json
import pathlib
import struct

import make_npz
import make_outliers
import make_probe

HERE = pathlib.Path(__file__).parent
SCALAR = '{"dtype":"U8","shape":[],"data_offsets":[0,1]}'
PAIR = '"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}'


def whole(header, data=b"", length=None):
    """A file: 8 bytes of length (the true one unless given), the header, the data."""
    if isinstance(header, str):
        header = header.encode("utf-8", "surrogatepass")
    return struct.pack("<Q", len(header) if length is None else length) + header + data


def entry(dtype='"U8"', shape="[4]", offsets="[0,4]", data=4, name='"a"', extra=""):
    """A file of one tensor whose fields are given as JSON text; None leaves a field out."""
    fields = [("dtype", dtype), ("shape", shape), ("data_offsets", offsets)]
    text = ",".join(f'"{key}":{value}' for key, value in fields if value is not None) + extra
    return whole("{" + name + ":{" + text + "}}", bytes(data))


def spans(*ranges, data):
    """A file of U8 tensors t0, t1, ... that claim these byte ranges."""
    tensors = {f"t{i}": {"dtype": "U8", "shape": [end - begin], "data_offsets": [begin, end]}
               for i, (begin, end) in enumerate(ranges)}
    return whole(json.dumps(tensors), bytes(data))


# Name -> (bytes, words of the message).  safetensors 0.8.0 refuses these too.
BAD = {
    # the file as a whole
    "empty-file": (b"", "header too small"),
    "short-file": (b"\x08\0\0\0\0\0\0", "header too small"),
    "empty-header": (whole(""), "an object was expected"),
    "blank-header": (whole("        "), "an object was expected"),
    "header-too-large": (whole("{}", length=100_000_001), "header too large"),
    "header-length-max": (whole("{}", length=2**64 - 1), "header too large"),
    "length-beyond-end": (whole("{}", length=3), "beyond the end of the file"),
    "length-cuts-json": (whole("{" + PAIR + "}", bytes(4), length=23), "a string without an end"),
    "data-after-last": (entry(data=5), "the tensors end at 4 but the file has 5 bytes"),
    "data-without-tensor": (whole("{}", bytes(8)), "the tensors end at 0 but the file has 8 bytes"),
    "pytorch-zip": (b"PK\x03\x04" + bytes(60), "beyond the end of the file"),
    "git-lfs-pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n",
                        "header too large"),
    # JSON
    "not-json": (whole("not json"), "an object was expected"),
    "root-array": (whole("[]"), "an object was expected"),
    "root-null": (whole("null"), "an object was expected"),
    "byte-order-mark": (whole(b"\xef\xbb\xbf{}"), "an object was expected"),
    "trailing-bytes": (whole("{}{}"), "bytes behind the value"),
    "trailing-nul": (whole(b"{}\0\0\0\0\0\0"), "bytes behind the value"),
    "trailing-comma": (whole("{" + PAIR + ",}", bytes(4)), "a comma before a closing bracket"),
    "trailing-comma-shape": (entry(shape="[4,]"), "a comma before a closing bracket"),
    "leading-comma": (whole("{," + PAIR + "}", bytes(4)), "a key in quotes was expected"),
    "missing-comma": (whole('{"a":' + SCALAR + ' "b":' + SCALAR + "}", b"x"),
                      "a comma or a closing bracket was expected"),
    "missing-colon": (whole('{"a" ' + SCALAR + "}", b"x"), "a colon was expected"),
    "missing-brace": (whole('{"a":' + SCALAR, b"x"), "a comma or a closing bracket was expected"),
    "mixed-brackets": (entry(shape="[4}"), "a comma or a closing bracket was expected"),
    "single-quotes": (entry(name="'a'"), "a key in quotes was expected"),
    "form-feed-space": (whole("{\f}"), "a key in quotes was expected"),
    "comment": (whole("{/**/}"), "a key in quotes was expected"),
    "unknown-word": (entry(extra=',"x":nil'), "unknown word"),
    "not-a-number": (entry(extra=',"x":NaN'), "a value was expected"),
    "bad-utf8": (entry().replace(b'"a"', b'"\xff"'), "not UTF-8"),
    "bad-utf8-overlong": (entry(name='"aa"').replace(b"aa", b"\xc0\xaf"), "not UTF-8"),
    "bad-utf8-surrogate": (entry(name='"\ud800"'), "not UTF-8"),
    "lone-surrogate": (entry(name=r'"\ud800"'), "half of a surrogate pair"),
    "lone-low-surrogate": (entry(name=r'"\udc00x"'), "half of a surrogate pair"),
    "surrogates-reversed": (entry(name=r'"\udc00\ud800"'), "half of a surrogate pair"),
    "unknown-escape": (entry(name=r'"\x41"'), "unknown escape in a string"),
    "short-escape": (entry(name=r'"\u12"'), "four hex digits"),
    "control-in-string": (entry(name='"a\nb"'), "a control character in a string"),
    "nul-byte-in-name": (entry(name='"a\0b"'), "a control character in a string"),
    # numbers
    "leading-zero": (entry(shape="[04]"), "a leading zero"),
    "negative": (entry(shape="[-4]"), "not a whole number"),
    "negative-zero": (entry(offsets="[-0,4]"), "not a whole number"),
    "plus-sign": (entry(shape="[+4]"), "a value was expected"),
    "fractional": (entry(shape="[4.0]"), "not a whole number"),
    "exponent": (entry(shape="[4e0]"), "not a whole number"),
    "no-digit-after-point": (entry(shape="[4.]"), "wants a digit behind its point"),
    "hexadecimal": (entry(shape="[0x4]"), "a comma or a closing bracket was expected"),
    "number-2-64": (entry(shape="[18446744073709551616]"), "not a whole number below 2^64"),
    "number-huge": (entry(offsets="[0," + "9" * 100 + "]"), "not a whole number below 2^64"),
    "number-as-string": (entry(shape='["4"]'), "a whole number was expected"),
    "number-null": (entry(shape="[null]"), "a whole number was expected"),
    # fields of a tensor
    "entry-not-object": (whole('{"a":[4]}'), "an object was expected"),
    "entry-null": (whole('{"a":null}'), "an object was expected"),
    "entry-empty": (whole('{"a":{}}'), "missing key 'dtype'"),
    "missing-dtype": (entry(dtype=None), "missing key 'dtype'"),
    "missing-shape": (entry(shape=None), "missing key 'shape'"),
    "missing-offsets": (entry(offsets=None), "missing key 'data_offsets'"),
    "duplicate-dtype-key": (entry(extra=',"dtype":"U8"'), "duplicate key 'dtype'"),
    "duplicate-shape-key": (entry(extra=r',"sh\u0061pe":[4]'), "duplicate key 'shape'"),
    "unknown-dtype": (entry(dtype='"Q8_0"'), "unknown dtype 'Q8_0'"),
    "lower-case-dtype": (entry(dtype='"u8"'), "unknown dtype 'u8'"),
    "empty-dtype": (entry(dtype='""'), "unknown dtype ''"),
    "dtype-number": (entry(dtype="4"), "a string was expected"),
    "shape-number": (entry(shape="4"), "an array was expected"),
    "shape-null": (entry(shape="null"), "an array was expected"),
    "shape-object": (entry(shape='{"0":4}'), "an array was expected"),
    "shape-mismatch": (entry(shape="[5]"),
                       "U8 of shape [5] needs 5 bytes, data_offsets give [0, 4]"),
    "shape-overflow": (entry(shape="[4294967296,4294967296]"), "more than 2^64 bits"),
    "shape-overflow-bits": (entry(shape="[2305843009213693952]"), "more than 2^64 bits"),
    "shape-overflow-zero": (entry(shape="[4294967296,4294967296,0]", offsets="[0,0]", data=0),
                            "more than 2^64 bits"),
    "f4-odd": (entry(dtype='"F4"', shape="[3]", offsets="[0,2]", data=2), "not whole bytes"),
    "f6-partial": (entry(dtype='"F6_E2M3"', shape="[2]", offsets="[0,2]", data=2),
                   "not whole bytes"),
    "offsets-1": (entry(offsets="[4]"), "data_offsets wants two whole numbers"),
    "offsets-3": (entry(offsets="[0,4,4]"), "data_offsets wants two whole numbers"),
    "offsets-object": (entry(offsets='{"begin":0,"end":4}'), "an array was expected"),
    "offsets-reversed": (entry(offsets="[4,0]"), "data_offsets give [4, 0]"),
    # the data
    "hole": (spans((0, 2), (4, 6), data=6), "begins at 4, expected at 2 (a hole)"),
    "hole-at-start": (spans((2, 4), data=4), "begins at 2, expected at 0 (a hole)"),
    "overlap": (spans((0, 4), (2, 6), data=6), "begins at 2, expected at 4 (an overlap)"),
    "same-bytes-twice": (spans((0, 4), (0, 4), data=4), "(an overlap)"),
    "empty-inside": (spans((0, 4), (2, 2), data=4), "begins at 2, expected at 4 (an overlap)"),
    "out-of-file": (spans((0, 4), data=3), "the file is cut short"),
    "out-of-file-far": (spans((0, 2**60), data=3), "the file is cut short"),
    "empty-beyond-end": (spans((0, 2), (4, 4), data=2), "begins at 4, expected at 2 (a hole)"),
    # metadata
    "duplicate-metadata": (whole('{"__metadata__":{},"__metadata__":{}}'),
                           "duplicate key '__metadata__'"),
    "duplicate-metadata-null": (whole('{"__metadata__":null,"__metadata__":{}}'),
                                "duplicate key '__metadata__'"),
    "metadata-array": (whole('{"__metadata__":[]}'), "an object was expected"),
    "metadata-value-number": (whole('{"__metadata__":{"step":7}}'), "a string was expected"),
    "metadata-value-null": (whole('{"__metadata__":{"step":null}}'), "a string was expected"),
    "metadata-nested": (whole('{"__metadata__":{"a":{"b":"c"}}}'), "a string was expected"),
    "metadata-nope": (whole('{"__metadata__":nope}'), "unknown word"),
}

# What safetensors lets pass, or loses without a word, and q8 does not.
BAD_HERE = {
    "duplicate-tensor": (whole('{"a":' + SCALAR + ',"a":' + SCALAR + "}", b"x"), "duplicate name"),
    "duplicate-tensor-escaped": (whole('{"a":' + SCALAR + r',"\u0061":' + SCALAR + "}", b"x"),
                                 "duplicate name"),
    "duplicate-metadata-key": (whole('{"__metadata__":{"k":"1","k":"2"}}'),
                               "duplicate key in __metadata__"),
    "nul-in-name": (entry(name=r'"a\u0000b"'), "a NUL character in a string"),
    "rank-9": (entry(shape="[4,1,1,1,1,1,1,1,1]"), "a shape of more than 8 dimensions"),
    "deep-nesting": (entry(extra=',"x":' + "[" * 100 + "]" * 100), "nested deeper than 64"),
}


def good():
    """Name -> bytes."""
    spaced = '\n{ "a" :\t{ "dtype" : "U8" , "shape" : [ 4 ] , "data_offsets" : [ 0 , 4 ] } }'
    empty = {"z": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]},
             "y": {"dtype": "I64", "shape": [3, 0, 2], "data_offsets": [0, 0]},
             "x": {"dtype": "U8", "shape": [2], "data_offsets": [0, 2]},
             "w": {"dtype": "F16", "shape": [0, 7], "data_offsets": [2, 2]}}
    kinds, at = {}, 0
    for dtype, bits in (("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8),
                        ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8),
                        ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16),
                        ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32), ("F32", 32),
                        ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64)):
        kinds["t." + dtype] = {"dtype": dtype, "shape": [2, 4], "data_offsets": [at, at + bits]}
        at += bits                                          # eight elements
    names = ["weißer Rabe", "\U0001f9ee", "名前", "", " ", "/", "../etc/passwd", "a\"b\\c",
             "\u202e", "é"]
    return {
        "empty": whole("{}"),
        "scalar": whole('{"a":' + SCALAR + "}", b"x"),
        "empty-tensors": whole(json.dumps(empty), b"xy"),
        "f4": entry(dtype='"F4"', shape="[2,3]", offsets="[0,3]", data=3),
        "every-dtype": whole(json.dumps(kinds), bytes(i % 251 for i in range(at))),
        "rank-8": entry(shape="[1,1,2,1,1,2,1,1]"),
        "space-before": whole("   " + '{"a":' + SCALAR + "}", b"x"),
        "space-behind": whole('{"a":' + SCALAR + "} \t\r\n  ", b"x"),
        "space-between": whole(spaced, b"abcd"),
        "unicode-names": whole(json.dumps({name: {"dtype": "U8", "shape": [1],
                                                  "data_offsets": [i, i + 1]}
                                           for i, name in enumerate(names)}, ensure_ascii=False),
                               bytes(len(names))),
        "surrogate-pair": entry(name=r'"\ud83e\uddee"'),
        "control-names": whole('{"\\u0001\\u001b[31m\\n\\t\\b\\f\\r\\/":' + SCALAR + "}", b"x"),
        "metadata": whole('{"__metadata__":{"format":"pt","b":"","a":"\\u00e9\\n"},"a":' + SCALAR
                          + "}", b"x"),
        "metadata-empty": whole('{"__metadata__":{}}'),
        "metadata-null": whole('{"__metadata__":null,"a":' + SCALAR + "}", b"x"),
        "metadata-last": whole('{"a":' + SCALAR + ',"__metadata__":{"format":"pt"}}', b"x"),
        "unknown-key": entry(extra=',"x":{"y":[1,-2.5e+3,true,false,null,"z",{}]},"z":0'),
        "odd-length": whole('{"aa":' + SCALAR + "}", b"x"),
        "file-order": spans((2, 4), (4, 5), (0, 2), data=5),
        "fields-in-any-order": whole('{"a":{"data_offsets":[0,1],"shape":[],"dtype":"U8"}}', b"x"),
    }


def main():
    for folder in (HERE / "bad", HERE / "good"):
        folder.mkdir(exist_ok=True)
        for old in [*folder.glob("*.safetensors"), *folder.glob("*.npz")]:
            old.unlink()
    bad = {**BAD, **BAD_HERE}
    for name, (text, _) in bad.items():
        (HERE / "bad" / f"{name}.safetensors").write_bytes(text)
    lines = [f"{name}\t{words}\n" for name, (_, words) in sorted(bad.items())]
    (HERE / "bad" / "expected.txt").write_text("".join(lines))
    for name, text in good().items():
        (HERE / "good" / f"{name}.safetensors").write_bytes(text)
    make_npz.write(HERE)
    make_outliers.write(HERE / "outliers")
    make_probe.write(HERE / "probe")


if __name__ == "__main__":
    main()
