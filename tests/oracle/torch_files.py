"""torch_files.py - files of torch.save, good ones by torch itself and bad ones byte by byte"""
import collections
import io
import pickle
import struct
import zipfile

import torch

# torch's dtypes under safetensors' names: all that q8 reads
DTYPES = {
    "BOOL": torch.bool, "U8": torch.uint8, "I8": torch.int8, "I16": torch.int16,
    "U16": torch.uint16, "I32": torch.int32, "U32": torch.uint32, "I64": torch.int64,
    "U64": torch.uint64, "F16": torch.float16, "BF16": torch.bfloat16, "F32": torch.float32,
    "F64": torch.float64, "C64": torch.complex64, "F8_E4M3": torch.float8_e4m3fn,
    "F8_E5M2": torch.float8_e5m2, "F8_E8M0": torch.float8_e8m0fnu,
    "F8_E4M3FNUZ": torch.float8_e4m3fnuz, "F8_E5M2FNUZ": torch.float8_e5m2fnuz,
}


def numbers(count):
    return torch.arange(count, dtype=torch.float32) - 3


def views():
    """Every way in which a tensor can lie in a storage."""
    base = numbers(24)
    matrix = base.view(4, 6)
    tagged = numbers(2)
    tagged.attribute = "kept"
    cube = numbers(24).view(2, 3, 4)
    return collections.OrderedDict(
        plain=matrix, transposed=matrix.t(), offset=base[5:9], columns=matrix[:, 1:3],
        tied=matrix, tied_view=base.view(4, 6), flat=base, every_other=base[::2],
        expanded=numbers(3).expand(2, 3), column_expanded=numbers(3).view(3, 1).expand(3, 2),
        permuted=cube.permute(2, 0, 1), scalar=torch.tensor(7.0), empty=torch.zeros(0, 3),
        one=base[4:5].view(1, 1), parameter=torch.nn.Parameter(numbers(4)), tagged=tagged,
        buffer=torch.nn.Buffer(numbers(2)))


def types(skip=()):
    """One tensor of each type, of bytes 1, 2, ...; of a bool 1, 0, 1, 0."""
    ret = {}
    for name, dtype in DTYPES.items():
        if name in skip:
            continue
        size = torch.empty(0, dtype=dtype).element_size()
        raw = torch.arange(1, 4 * size + 1, dtype=torch.uint8)
        if dtype == torch.bool:
            raw = raw % 2
        ret[name] = raw.view(dtype)
    return ret


def saved(value, **how):
    out = io.BytesIO()
    torch.save(value, out, **how)
    return out.getvalue()


def legacy(value, **how):
    """Before 1.6.  Keys are addresses there, by which the storages are sorted."""
    return saved(value, _use_new_zipfile_serialization=False, **how)


def members(data):
    """{name below the top: bytes} of a zip file."""
    with zipfile.ZipFile(io.BytesIO(data)) as z:
        return {name.partition("/")[2]: z.read(name) for name in z.namelist()}


def zipped(parts, top="archive", method=zipfile.ZIP_STORED):
    """A zip file of those members, with CRCs."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as z:
        for name, data in parts.items():
            z.writestr(zipfile.ZipInfo(f"{top}/{name}" if top else name, (1980, 1, 1, 0, 0, 0)), data,
                       compress_type=method)
    return out.getvalue()


def big_endian(value):
    """As a big-endian machine saves it: the same pickle, the bytes of every number turned."""
    parts = members(saved(value))
    parts["byteorder"] = b"big"
    for name, data in parts.items():
        if name.startswith("data/"):
            parts[name] = b"".join(data[i:i + 4][::-1] for i in range(0, len(data), 4))
    return zipped(parts)


class Ops:
    """Pickles by hand."""

    @staticmethod
    def text(value):
        data = value.encode()
        return b"X" + struct.pack("<I", len(data)) + data

    @staticmethod
    def name(module, name):
        return f"c{module}\n{name}\n".encode()

    @staticmethod
    def number(value):
        if 0 <= value < 256:
            return b"K" + bytes([value])
        data = pickle.encode_long(value)
        return b"\x8a" + bytes([len(data)]) + data

    @classmethod
    def tuple(cls, *items):
        return b"(" + b"".join(items) + b"t"

    @classmethod
    def storage(cls, key="0", count=4, kind="FloatStorage", module="torch"):
        return cls.tuple(cls.text("storage"), cls.name(module, kind), cls.text(key), cls.text("cpu"),
                         cls.number(count)) + b"Q"

    @classmethod
    def tensor(cls, storage=None, offset=0, size=(4,), stride=(1,), tail=b"\x89N",
               function="_rebuild_tensor_v2"):
        return (cls.name("torch._utils", function) + b"(" + (storage or cls.storage()) +
                cls.number(offset) + cls.tuple(*map(cls.number, size)) +
                cls.tuple(*map(cls.number, stride)) + tail + b"tR")

    @classmethod
    def dict(cls, **items):
        return b"}(" + b"".join(cls.text(k) + v for k, v in items.items()) + b"u"

    @staticmethod
    def whole(body, protocol=2):
        return b"\x80" + bytes([protocol]) + body + b"."


FOUR = struct.pack("<4f", 1, 2, 3, 4)


def packed(body, data=None, **more):
    """A zip file around a pickle by hand."""
    parts = {"data.pkl": Ops.whole(body), "version": b"3\n"}
    parts.update({f"data/{k}": v for k, v in (data or {"0": FOUR}).items()})
    parts.update(more)
    return zipped(parts)


def by_hand_legacy(little=b"\x89"):
    """A tensor of a part of a storage, as torch 0.1 had them, from a machine that is not little-endian."""
    o = Ops
    part = o.tuple(o.text("1"), o.number(2), o.number(3))
    storage = o.tuple(o.text("storage"), o.name("torch", "FloatStorage"), o.text("0"), o.text("cpu"),
                      o.number(6), part) + b"Q"
    body = o.dict(a=o.tensor(storage, offset=1, size=(2,), tail=b"", function="_rebuild_tensor"))
    return (b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19." + o.whole(b"M\xe9\x03") +
            o.whole(o.dict(little_endian=little)) + o.whole(body) + o.whole(b"](" + o.text("0") + b"e") +
            struct.pack("<q6f", 6, 1, 2, 3, 4, 5, 6))


def good():
    nested = {"epoch": 3, "model": {"state_dict": {"a": numbers(4), "n": None}}, "rng": numbers(1)}
    without = {"a": numbers(4)}
    torch.serialization.set_crc32_options(False)
    unchecked = saved(without)
    torch.serialization.set_crc32_options(True)
    return {
        "torch-views.bin": saved(views()),
        "torch-types.bin": saved(types()),
        "torch-legacy-views.bin": legacy(views()),
        "torch-legacy-types.bin": legacy(types()),
        "torch-nested.pt": saved(nested),
        "torch-protocol-4.pt": saved(views(), pickle_protocol=4),
        "torch-protocol-5.pth": legacy(without, pickle_protocol=5),
        "torch-big-endian.bin": big_endian(views()),
        "torch-unchecked.bin": unchecked,
        "torch-by-hand.bin": packed(Ops.dict(a=Ops.tensor())),
        "torch-old-rebuild.bin": packed(
            Ops.dict(a=Ops.tensor(tail=b"", function="_rebuild_tensor", offset=1, size=(3,)))),
        "torch-legacy-part.bin": by_hand_legacy(),
        "torch-python-2.bin": packed(  # OrderedDict([["a", ...]])
            Ops.name("collections", "OrderedDict") + b"(](](" + b"U\x01a" + Ops.tensor() +
            b"eetR"),
    }


def bad():
    """{name: (bytes, words of the message)}"""
    o, tensor = Ops, Ops.tensor()
    call = o.name("posix", "system") + o.tuple(o.text("true")) + b"R"
    plain = members(saved({"a": numbers(4)}))
    old = legacy({"a": numbers(4)})
    whole = packed(o.dict(a=tensor))
    script = dict(plain, **{"constants.pkl": b"\x80\x02)."})

    def cut(data, find, put):
        at = data.index(find)
        return data[:at] + put + data[at + len(find):]

    def shape(**how):
        return packed(o.dict(a=o.tensor(**how)))

    return {
        "posix-system": (packed(o.dict(a=call)), "GLOBAL posix system: not among the names"),
        "builtins-eval": (packed(o.dict(a=o.name("builtins", "eval") + o.tuple(o.text("1")) + b"R")),
                          "GLOBAL builtins eval"),
        "stack-global": (packed(o.dict(a=o.text("os") + o.text("system") + b"\x93")),
                         "GLOBAL os system"),
        "name-hidden": (packed(o.dict(a=o.name("os\x1b[2J", "system"))), "GLOBAL os\\x1b[2J system"),
        "instance": (packed(o.dict(a=b"(ios\nsystem\n")), "opcode INST"),
        "object": (packed(o.dict(a=b"(o")), "opcode OBJ"),
        "extension": (packed(o.dict(a=b"\x82\x01")), "opcode EXT1"),
        "new-with-keywords": (packed(o.dict(a=o.name("torch", "Size") + b")}\x92")),
                              "opcode NEWOBJ_EX"),
        "call-a-class": (packed(o.dict(a=o.name("torch", "FloatStorage") + b")R")),
                         "a call of torch.FloatStorage"),
        "call-a-text": (packed(o.dict(a=o.text("x") + b")R")), "a call of what is no name"),
        "state-of-a-tensor": (packed(o.dict(a=tensor + b"}b")), "a state for what is no dict"),
        "sparse": (packed(o.dict(a=o.name("torch._utils", "_rebuild_sparse_tensor"))),
                   "save its to_dense()"),
        "quantized": (packed(o.dict(a=o.name("torch._utils", "_rebuild_qtensor"))), "dequantize()"),
        "complex-double": (packed(o.dict(a=o.tensor(o.storage(kind="ComplexDoubleStorage")))),
                           "complex numbers of 16 bytes"),
        "training-args": (packed(o.name("transformers.training_args", "TrainingArguments") + b")\x81"),
                          "no model: name the file of the weights"),
        "a-module": (packed(o.tuple(o.text("module"), o.text("x"), o.text("y"), o.text("z")) + b"Q"),
                     "save the state_dict() of the model"),
        "id-of-else": (packed(o.tuple(o.text("else")) + b"Q"), "not of a storage"),
        "id-is-text": (packed(o.text("0") + b"Q"), "not of a storage"),
        "optimizer": (packed(o.dict(state=b"}", param_groups=b"]")), "the state of an optimizer"),
        "no-dict": (packed(b"]"), "holds no dict"),
        "no-tensors": (packed(o.dict(a=b"K\1")), "holds no tensors by name"),
        "conjugated": (shape(tail=b"\x89N" + o.dict(conj=b"\x88")), "resolve_conj"),
        "beyond-storage": (shape(size=(5,)), "reaches beyond the 16 bytes of its storage"),
        "offset-beyond": (shape(offset=1), "reaches beyond"),
        "offset-negative": (shape(offset=-1), "an offset that is no count"),
        "stride-beyond": (shape(size=(2, 2), stride=(3, 1)), "reaches beyond"),
        "stride-wraps": (shape(size=(3,), stride=(2 ** 63 - 1,)), "reaches beyond"),
        "stride-negative": (shape(stride=(-1,)), "no count"),
        "strides-fewer": (shape(size=(2, 2)), "not as many"),
        "size-negative": (shape(size=(-4,)), "no count"),
        "size-wraps": (shape(size=(2 ** 62, 2 ** 62), stride=(0, 0)), "more than 2^64 bits"),
        "size-expanded": (shape(size=(2 ** 40,), stride=(0,)), "more than the whole file"),
        "dimensions": (shape(size=(1,) * 9, stride=(1,) * 9), "more than 8 dimensions"),
        "gradient": (shape(tail=b"K\1N"), "others than it takes"),
        "text-latin": (packed(o.dict(a=tensor, b=b"X\1\0\0\0\xe9")), "a text that is not UTF-8"),
        "text-half": (packed(o.dict(a=tensor, b=b"X\1\0\0\0\xc3")), "a text that is not UTF-8"),
        "few-arguments": (shape(tail=b""), "with 4 arguments"),
        "storage-missing": (packed(o.dict(a=tensor), {"1": FOUR}), "data/0' is missing"),
        "storage-short": (packed(o.dict(a=tensor), {"0": FOUR[:12]}),
                          "12 bytes, but its tensors say 16"),
        "storage-twice": (packed(o.dict(a=tensor, b=o.tensor(o.storage(count=2), size=(2,)))),
                          "another type or size"),
        "storage-key-long": (packed(o.dict(a=o.tensor(o.storage(key="9" * 101)))),
                             "key of a storage has 101 bytes"),
        "storage-wraps": (packed(o.dict(a=o.tensor(o.storage(count=2 ** 62)))), "more than 2^64"),
        "name-twice": (packed(b"}(" + (o.text("a") + tensor) * 2 + b"u"), "is there twice"),
        "shared-often": (packed(o.dict(a=o.tensor(size=(2 ** 24,), stride=(0,)),
                                       b=o.tensor(size=(2 ** 24,), stride=(0,), offset=1))),
                         "more than 8 times the"),
        "name-often": (packed(b"}(" + o.text("n" * 900) + b"q\0" + tensor + b"q\1" +
                              b"h\0h\1" * 20 + b"u"), "tensors have the same name"),
        "name-number": (packed(b"}(K\1" + tensor + b"u"), "name is no text"),
        "name-latin": (packed(b"}(U\1\xe9" + tensor + b"u"), "not UTF-8"),
        "name-nul": (packed(b"}(" + o.text("a\0b") + tensor + b"u"), "a NUL in its name"),
        "memo-far": (packed(b"}r\xff\xff\xff\xff"), "place 4294967295 of the memo"),
        "memo-ahead": (packed(b"}r\0\0\1\0"), "of the memo in so few bytes"),
        "memo-empty": (packed(b"h\0"), "nothing was put"),
        "text-long": (packed(b"X\xff\xff\xff\x7f"), "2147483647 bytes were expected"),
        "text-longest": (packed(b"\x8d" + b"\xff" * 8), "bytes were expected"),
        "stack-empty": (packed(b"R"), "too few values"),
        "below-mark": (packed(b"](K\1a"), "too few values"),
        "mark-missing": (packed(b"}u"), "no mark"),
        "key-alone": (packed(b"}(K\1u"), "a key without a value"),
        "key-a-list": (packed(b"}(]K\2u"), "a key that is a container"),
        "into-a-list": (packed(b"](K\1K\2u"), "no dict"),
        "into-itself": (packed(b"]q\0h\0a"), "holds no dict"),
        "two-results": (packed(b"NN"), "2 values are on the stack"),
        "no-opcode": (packed(b"\xff"), "0xff is no opcode"),
        "protocol-1": (cut(whole, b"\x80\x02}(", b"\x80\x01}("), "CRC-32"),
        "protocol-6": (zipped({"data.pkl": o.whole(o.dict(a=tensor), 6), "data/0": FOUR}),
                       "protocol 6"),
        "not-ended": (zipped({"data.pkl": b"\x80\x02}", "data/0": FOUR}), "were expected there"),
        "script": (zipped(script), "TorchScript"),
        "deflated": (zipped(dict(plain, **{"data.pkl": plain["data.pkl"] * 1}),
                            method=zipfile.ZIP_DEFLATED), "is compressed"),
        "no-pickle": (zipped({"data/0": FOUR}), "without data.pkl"),
        "two-tops": (zipped({"a/data.pkl": plain["data.pkl"], "b/data.pkl": plain["data.pkl"]},
                            top=""), "two members"),
        "version-11": (packed(o.dict(a=tensor), version=b"11\n"), "version '11'"),
        "byteorder": (packed(o.dict(a=tensor), byteorder=b"middle"), "byte order 'middle'"),
        "byteorder-long": (packed(o.dict(a=tensor), byteorder=b" " * 100), "has 100 bytes"),
        "pickle-damaged": (cut(whole, b"FloatStorage", b"FloatStorabe"), "CRC-32"),
        "cut-short": (whole[:-10], "cut short"),
        "tar": (b"x" * 257 + b"ustar" + b"\0" * 250, "a tar file of torch before 0.1.10"),
        "preview": (b"PYTORCH1" + b"\0" * 100, "preview format"),
        "other": (b"neither of the two", "not a file of torch.save"),
        "nothing": (b"", "not a file of torch.save"),
        "many-names": (packed(b"}(" + o.text("t") + tensor + b"q\0" + b"".join(
            b"U\2%c%ch\0" % (48 + i // 64, 48 + i % 64) for i in range(1300)) + b"u"), "more than 1147 tensors"),
        "legacy-part": (cut(by_hand_legacy(), b"K\2K\3t", b"K\4K\3t"), "does not lie in it"),
        "legacy-magic": (o.whole(o.number(1)), "not the number"),
        "legacy-version": (cut(old, b"M\xe9\x03", b"M\xe8\x03"), "not version 1001"),
        "legacy-system": (cut(old, old[21:old.index(b".", 21) + 1], b"\x80\x02]."), "third pickle"),
        "legacy-cut": (old[:-1], "it is cut short"),
        "legacy-cut-pickle": (old[:200], "were expected there"),
        "legacy-count": (old[:-24] + struct.pack("<q", 5) + old[-16:], "and its tensors say 4"),
        "legacy-call": (cut(old, b"ctorch\nFloatStorage", b"cposix\nFloatStorage"),
                        "fourth pickle: byte"),
    }
