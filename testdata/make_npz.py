"""make_npz.py - the npz files of testdata/bad and testdata/good; make.py runs it

Every array of good/ has i % 100 for its i-th element, whatever its type.  Where Python's zipfile
can write a file, it does; what it cannot (a lie, a ZIP64 end record in a small file) is put
together here, after APPNOTE.TXT 4.3.
"""
import io
import struct
import zipfile
import zlib

CODES = {"f2": "e", "f4": "f", "f8": "d", "i1": "b", "u1": "B", "i2": "h", "i4": "i", "i8": "q"}


def npy(descr="<f4", shape=(3,), order=False, version=1, header=None, data=None, length=None):
    """The bytes of an array file; the header and its length may be given."""
    count = 1
    for n in shape:
        count *= n
    if data is None:
        code = CODES.get(descr[1:], "f")
        data = struct.pack(f"<{count}{code}", *(i % 100 for i in range(count)))
    if header is None:
        header = f"{{'descr': {descr!r}, 'fortran_order': {order}, 'shape': {shape!r}, }}"
    text = header.encode("latin1")
    prefix = 10 if version == 1 else 12
    text += b" " * (-(prefix + len(text) + 1) % 64) + b"\n"
    size = struct.pack("<H" if version == 1 else "<I", len(text) if length is None else length)
    return b"\x93NUMPY" + bytes([version, 0]) + size + text + data


def zipped(members, deflate=False, force=False, comment=b"", stream=False):
    """What zipfile makes of {name: bytes}; `stream`: as for a pipe, sizes behind the data."""
    out = io.BytesIO()

    class Pipe:
        def write(self, data):
            return out.write(data)

        def flush(self):
            pass

    kind = zipfile.ZIP_DEFLATED if deflate else zipfile.ZIP_STORED
    with zipfile.ZipFile(Pipe() if stream else out, "w", kind) as file:
        file.comment = comment
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = kind
            with file.open(info, "w", force_zip64=force) as member:
                member.write(data)
    return out.getvalue()


def raw(data):
    """Deflated, without header."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def made(*members, zip64=False, count=None, gap=b"", behind=b"", size=None, offset=None,
         disk=0, **end64):
    """
    A zip file of members (name, data, lies): the lies replace fields of the directory's entry or
    of the local header.  `zip64`: with the ZIP64 end record and its locator.
    """
    out, entries = b"", b""
    for name, data, lies in members:
        name = name if isinstance(name, bytes) else name.encode()
        method = lies.get("method", 0)
        packed = lies.get("bytes", raw(data) if method == 8 else data)
        crc = lies.get("crc", zlib.crc32(data))
        flags = lies.get("flags", 0)
        extra = lies.get("extra", b"")
        out += lies.get("before", b"")
        at = lies.get("at", len(out))
        entries += struct.pack("<4s6H3I5H2I", b"PK\1\2", 20, 20, flags, method, 0, 0, crc,
                               lies.get("packed", len(packed)), lies.get("size", len(data)),
                               len(name), len(extra), 0, 0, 0, 0, at) + name + extra
        if "at" in lies:
            continue                                        # its bytes are another's
        local = lies.get("local_name", name)
        more = lies.get("local_extra", b"")
        out += struct.pack("<4s5H3I2H", lies.get("sign", b"PK\3\4"), 20, flags,
                           lies.get("local_method", method), 0, 0, 0, 0, 0,
                           len(local), len(more)) + local + more + packed
    start = len(out)
    out += entries + gap
    count = len(members) if count is None else count
    size = len(entries) if size is None else size
    offset = start if offset is None else offset
    if zip64:
        where = len(out)
        out += struct.pack("<4sQ2H2I4Q", end64.get("sign64", b"PK\6\6"), 44, 45, 45, 0, 0,
                           count, count, size, offset)
        out += struct.pack("<4sIQI", b"PK\6\7", 0, end64.get("where", where), 1)
        count, size, offset = 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
    return out + struct.pack("<4s4H2IH", b"PK\5\6", disk, disk, count, count, size, offset,
                             0) + behind


def header(text):
    """A file of one array whose header is that text."""
    return made(("a.npy", npy(header=text), {}))


def one(**lies):
    """A file of one array with lies."""
    return made(("a.npy", npy(), lies))


ENTRY = 46 + len("a.npy")
BAD = {
    # the zip file
    "empty-file": (b"", "too few for a zip file"),
    "short-file": (b"PK\5\6" + bytes(17), "too few for a zip file"),
    "no-end": (bytes(100), "no end record"),
    "bytes-behind": (one() + b"x", "no end record"),
    "bytes-before": (b"x" + one(), "does not end where the end record begins"),
    "several-disks": (made(("a.npy", npy(), {}), disk=1), "several disks"),
    "directory-gap": (made(("a.npy", npy(), {}), gap=b"x"),
                      "does not end where the end record begins"),
    "directory-far": (made(("a.npy", npy(), {}), offset=0xFFFFFFF0),
                      "does not end where the end record begins"),
    "directory-wraps": (made(("a.npy", npy(), {}), zip64=True, offset=2**64 - 8),
                        "does not end where the end record begins"),
    "directory-is-data": (made(("a.npy", npy(), {}), size=30 + 5 + len(npy()), offset=ENTRY),
                          f"no entry of the directory at byte {ENTRY}"),
    "zip64-end-far": (made(("a.npy", npy(), {}), zip64=True, where=2**63),
                      "ZIP64 end record lies beyond"),
    "zip64-end-itself": (made(("a.npy", npy(), {}), zip64=True, where=0),
                         "ZIP64 end record is not one"),
    "members-many": (made(("a.npy", npy(), {}), zip64=True, count=2**40), "members (at most"),
    "members-more": (made(("a.npy", npy(), {}), count=3), "members do not fit in a directory"),
    "members-fewer": (made(("a.npy", npy(), {}), ("b.npy", npy(), {}), count=1),
                      "goes on behind the 1 members"),
    "entry-cut": (made(("a.npy", npy(), {}), ("b.npy", npy(), {"extra": bytes(100)}), count=3),
                  "ends inside an entry"),
    "extra-cut": (one(extra=b"\1\0\5\0abcd"), "extra fields do not fit"),
    "extra-short": (one(extra=b"\1\0\4\0abcd", size=2**32 - 1), "ZIP64 field is too short"),
    "name-empty": (made(("", npy(), {})), "a member without a name"),
    "name-nul": (made(("a\0b.npy", npy(), {})), "a NUL in its name"),
    "name-latin1": (made((b"\xe9.npy", npy(), {})), "name is not UTF-8"),
    "name-twice": (made(("a.npy", npy(), {}), ("a.npy", npy(), {})), "is there twice"),
    "same-bytes-twice": (made(("a.npy", npy(), {}), ("b.npy", npy(), {"at": 0})),
                         "reach into what begins at 0"),
    "overlap": (made(("a.npy", npy(), {"packed": len(npy()) + 30, "size": len(npy()) + 30}),
                     ("b.npy", npy(), {})), "reach into what begins at"),
    "overlap-by-name": (made(("a.npy", npy(), {"packed": len(npy()) + 5, "size": len(npy()) + 5})),
                        "reach into what begins"),
    "member-far": (one(at=2**31), "reach into what begins at"),
    "no-local-header": (one(sign=b"PK\1\2"), "not the header that the directory promises"),
    "other-method": (one(local_method=8), "not the header that the directory promises"),
    "other-name": (one(local_name=b"b.npy"), "has another name"),
    "other-name-length": (one(local_name=b"bb.npy"), "not the header that the directory promises"),
    "encrypted": (one(flags=1), "is encrypted"),
    "bzip2": (one(method=12), "packed by method 12"),
    "stored-short": (one(size=5), "is stored, but has 5 bytes"),
    "bad-crc": (one(crc=1), "CRC-32"),
    "bad-crc-deflated": (one(method=8, crc=1), "CRC-32"),
    "bad-deflate": (one(method=8, bytes=b"\xff" * 20), "deflated bytes are damaged"),
    "deflate-cut": (one(method=8, bytes=raw(npy())[:-5]), "end too early"),
    "deflate-behind": (one(method=8, bytes=raw(npy()) + b"xy"), "2 bytes behind the end"),
    "deflate-empty": (one(method=8, bytes=b""), "end too early"),
    "inflates-to-more": (one(method=8, size=len(npy()) - 1), "inflates to more"),
    "inflates-to-less": (one(method=8, size=len(npy()) + 1), "inflates to less"),
    "bomb": (one(method=8, size=0xFFFFFFF0), "more than the 16 MiB"),
    "bomb-zip64": (one(method=8, size=2**32 - 1, extra=struct.pack("<HHQ", 1, 8, 2**63)),
                   "more than the 16 MiB"),
    "bomb-in-parts": (made(("a.npy", npy(), {"method": 8, "size": 2**30}),
                           ("b.npy", npy(), {"method": 8, "size": 1})), "more than the 16 MiB"),
    "bomb-within-limit": (one(method=8, size=2**24), "more than deflate can make of"),
    "pytorch": (made(("archive/data.pkl", b"\x80\2}q\0.", {}), ("archive/version", b"3\n", {})),
                "is not a .npy array"),
    "folder": (made(("a/", b"", {})), "is not a .npy array"),
    # the arrays
    "not-npy": (made(("a.npy", b"hello, world", {})), "not a .npy array"),
    "empty-member": (made(("a.npy", b"", {})), "not a .npy array"),
    "version-4": (made(("a.npy", npy(version=4), {})), "version 4.0 of .npy"),
    "length-cut": (made(("a.npy", b"\x93NUMPY\2\0\1\0", {})), "header is cut short"),
    "length-beyond": (made(("a.npy", npy(length=0xFFFF), {})), "header is cut short"),
    "length-beyond-2": (made(("a.npy", npy(version=2, length=2**32 - 1), {})),
                        "header is cut short"),
    "length-long": (made(("a.npy", npy(header=" " * 20000), {})), "longer than 10000 bytes"),
    "header-cut": (made(("a.npy", npy(length=20), {})), "a string without an end"),
    "header-empty": (header(""), "a '{' was expected"),
    "header-list": (header("['descr']"), "a '{' was expected"),
    "header-no-key": (header("{'descr': '<f4', 'shape': (3,)}"), "a key is missing"),
    "header-twice": (header("{'descr': '<f4', 'descr': '<f4'}"), "the same twice"),
    "header-other-key": (header("{'x': 1}"), "another key"),
    "header-no-colon": (header("{'descr' '<f4'}"), "a colon was expected"),
    "header-no-comma": (header("{'descr': '<f4' 'shape': (3,)}"), "a comma was expected"),
    "header-behind": (header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x"),
                      "bytes behind it"),
    "header-escape": (header(r"{'d\x65scr': '<f4'}"), "an escape in a string"),
    "header-nul": (header("{'descr': '<f4', 'fortran_order': False, 'shape': (3,)}\0"),
                   "bytes behind it"),
    "order-number": (header("{'fortran_order': 0}"), "True or False was expected"),
    "shape-list": (header("{'shape': [3]}"), "a shape in parentheses"),
    "shape-number": (header("{'shape': (3)}"), "a comma in the shape"),
    "shape-negative": (header("{'shape': (-3,)}"), "a dimension was expected"),
    "shape-cut": (header("{'shape': (3, "), "a dimension was expected"),
    "shape-huge": (header("{'shape': (18446744073709551616,)}"), "a dimension of 2^64"),
    "shape-overflow": (header("{'descr': '<f4', 'fortran_order': False, "
                              "'shape': (4294967296, 4294967296)}"), "more than 2^64 bits"),
    "shape-rank": (header("{'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1)}"), "more than 8 dimensions"),
    "data-short": (made(("a.npy", npy(data=bytes(11)), {})),
                   "F32 of shape [3] needs 12 bytes, 11 are there"),
    "data-long": (made(("a.npy", npy(data=bytes(13)), {})), "needs 12 bytes, 13 are there"),
    "big-endian": (made(("a.npy", npy(descr=">f4"), {})), "numbers are big-endian"),
    "objects": (made(("a.npy", npy(descr="|O"), {})), "pickled objects"),
    "bfloat16": (made(("a.npy", npy(descr="|V2"), {})), "perhaps bfloat16"),
    "strings": (made(("a.npy", npy(descr="<U5"), {})), "not one that q8 reads"),
    "structures": (header("{'descr': [('x', '<f4')]}"), "its elements are structures"),
    "columns": (made(("a.npy", npy(shape=(2, 3), order=True), {})), "stored by columns"),
}


def good():
    """Name -> bytes."""
    some = {"model.layers.0.self_attn.q_proj.npy": npy(shape=(5,)), "b.npy": npy(shape=(2, 60)),
            "名前.npy": npy(descr="<f2"), "a b/c.npy": npy()}
    kinds = {f"t.{code}.npy": npy(descr=("|" if code[1] == "1" else "<") + code, shape=(2, 3))
             for code in CODES}
    return {
        "no-arrays": zipped({}),
        "savez": zipped(some, force=True),                  # as numpy.savez does
        "savez-compressed": zipped(some, deflate=True, force=True),
        "plain": zipped(some),
        "streamed": zipped(some, deflate=True, stream=True),
        "comment": zipped(some, comment=b"PK, a comment. " * 3),
        "every-type": zipped(kinds),
        "versions": zipped({f"v{v}.npy": npy(version=v) for v in (1, 2, 3)}),
        "shapes": zipped({"scalar.npy": npy(shape=()), "none.npy": npy(shape=(0,)),
                          "flat.npy": npy(shape=(2, 0, 3)), "eight.npy": npy(shape=(1, 2) * 4),
                          "column.npy": npy(order=True),
                          "long.npy": npy(header='{"shape": (3L,), "descr": "<f4", '
                                                 '"fortran_order": False}')}),
        "zip64-end": made(("a.npy", npy(), {}), ("b.npy", npy(), {"method": 8}), zip64=True),
        "zip64-entry": one(size=2**32 - 1, packed=2**32 - 1,
                           extra=b"\xca\xfe\1\0x" + struct.pack("<HHQQ", 1, 16, *[len(npy())] * 2)),
        "local-extra": one(local_extra=b"FB\5\0ZZZZZ"),     # PyTorch's writer aligns like this
        "gaps": made(("a.npy", npy(), {"before": b"PK\3\4"}), ("b.npy", npy(), {"before": b"x"})),
    }


def write(folder):
    """Writes them below that folder."""
    for name, (data, _) in BAD.items():
        (folder / "bad" / f"{name}.npz").write_bytes(data)
    lines = [f"{name}\t{words}\n" for name, (_, words) in sorted(BAD.items())]
    (folder / "bad" / "expected_npz.txt").write_text("".join(lines))
    for name, data in good().items():
        (folder / "good" / f"{name}.npz").write_bytes(data)
