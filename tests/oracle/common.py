"""common.py - what every part of the judge uses: running q8, reading tensors as raw bytes, counting"""
import json
import os
import struct
import subprocess
from pathlib import Path

TARGETS_CT = ("ct-w8a8", "ct-w8a16", "ct-w8a16-g32", "ct-w8a16-g64", "ct-w8a16-g128")
WEIGHTS = ".safetensors"
INDEX = "model.safetensors.index.json"

# What llm-compressor's recipes leave float in a mixture of experts, Linear or not.
ROUTERS = ["re:.*router", r"re:.*\.gate$", "re:.*shared_expert_gate$"]


class Checks:
    """Counts checks and prints one line for each; a check is a name and a list of problems."""

    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, problems):
        if problems:
            self.failed += 1
            print(f"FAIL {name}: " + "; ".join(problems[:4])
                  + (f"; and {len(problems) - 4} more" if len(problems) > 4 else ""), flush=True)
        else:
            self.passed += 1
            print(f"ok   {name}", flush=True)
        return not problems

    def count(self, name, problems):
        """Adds a check of very many: only a problem is worth a line."""
        if problems:
            self.add(name, problems)
        else:
            self.passed += 1

    def attempt(self, name, judge, *args):
        """Adds the check, where an exception of a real library is a problem like any other."""
        try:
            problems = judge(*args)
        except Exception as error:  # whatever a library throws at a bad directory
            problems = [f"{type(error).__name__}: {str(error).strip()[:300]}"]
        return self.add(name, problems)

    def last_line(self):
        print(f"{self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed or not self.passed else 0


def run_q8(q8, *args, timeout=300):
    """Runs q8-convert; returns (exit code, stdout, stderr)."""
    done = subprocess.run([str(q8), *map(str, args)], capture_output=True, text=True,
                          errors="replace", timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def run_verify(q8, *args, isa=None, timeout=300):
    """q8-verify lies beside q8-convert; returns as run_q8 does."""
    done = subprocess.run([str(q8.with_name("q8-verify")), *map(str, args)], capture_output=True,
                          text=True, errors="replace", timeout=timeout,
                          env={**os.environ, **({"Q8_ISA": isa} if isa else {})})
    return done.returncode, done.stdout, done.stderr


def convert(q8, target, source, out, *more):
    """Runs a conversion that must succeed; returns (stderr, problems)."""
    code, _, err = run_q8(q8, "-q", "--no-sync", "--to", target, *more, source, out)
    return err, ([f"exit {code}: {err.strip()}"] if code else [])


# What q8 says of modules that the readers of ct-* build float: which they are is judged by reader_prove.py.
READER_REASONS = ("vLLM builds it float", "SGLang builds it float",
                  "part of what sees or hears, float unless --vision=int8",
                  "between a tower and the language model, float unless --vision=int8",
                  "a draft (MTP) layer: runtimes build it float")


def kept_for_readers(q8, target, source, *more):
    """Modules of the file that q8 leaves float since the readers of the target do."""
    code, text, err = run_q8(q8, "--dry-run", "--json", "--to", target, *more, source, f"{source}-none")
    if code:
        raise ValueError(err)
    return {row["name"].removesuffix(".weight") for row in json.loads(text)["tensors"]
            if row.get("reason") in READER_REASONS}


class Tensor:
    """One tensor as it lies in a file: no library between the judge and the bytes."""

    def __init__(self, dtype, shape, data):
        self.dtype, self.shape, self.data = dtype, tuple(shape), data


def read_file(path):
    """All tensors of one .safetensors file, by name."""
    raw = Path(path).read_bytes()
    (size,) = struct.unpack_from("<Q", raw)
    tensors = {}
    for name, entry in json.loads(raw[8:8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            tensors[name] = Tensor(entry["dtype"], entry["shape"],
                                   raw[8 + size + begin:8 + size + end])
    return tensors


def read_dir(folder):
    """All tensors of all shards of a model directory, by name."""
    tensors = {}
    for path in sorted(Path(folder).glob("*" + WEIGHTS)):
        for name, tensor in read_file(path).items():
            if name in tensors:
                raise ValueError(f"{path}: {name} is in two shards")
            tensors[name] = tensor
    return tensors


def compare_tensors(want, have):
    """Problems of `have` against `want`: names, dtypes, shapes, bytes."""
    problems = [f"missing {name}" for name in sorted(want.keys() - have.keys())]
    problems += [f"extra {name}" for name in sorted(have.keys() - want.keys())]
    for name in sorted(want.keys() & have.keys()):
        w, h = want[name], have[name]
        if (w.dtype, w.shape) != (h.dtype, h.shape):
            problems.append(f"{name}: expected {w.dtype} {w.shape}, found {h.dtype} {h.shape}")
        elif w.data != h.data:
            bad = sum(a != b for a, b in zip(w.data, h.data))
            problems.append(f"{name}: {bad} of {len(w.data)} bytes differ")
    return problems


def check_config(source, out):
    """config.json is the source's, byte for byte, with quantization_config put in at one place."""
    before = (Path(source) / "config.json").read_bytes()
    after = (Path(out) / "config.json").read_bytes()
    added = len(after) - len(before)
    one_insertion = added > 0 and any(before[:cut] + after[cut:cut + added] + before[cut:] == after
                                      for cut in range(len(before)))
    problems = [] if one_insertion else ["config.json: more than quantization_config changed"]
    config = json.loads(after)
    quantization = config.pop("quantization_config", None)
    if config != json.loads(before):
        problems.append("config.json: other values changed")
    if not isinstance(quantization, dict):
        return problems + ["config.json: no quantization_config"]
    if quantization.get("quant_method") == "bitsandbytes" and \
            not isinstance(quantization.get("llm_int8_threshold"), float):
        problems.append("llm_int8_threshold is not a float")
    return problems


def check_side_files(source, out):
    """All other files came along unchanged, and the index tells the truth."""
    problems = []
    for path in sorted(Path(source).rglob("*")):
        if path.name in ("config.json", INDEX) or path.suffix == WEIGHTS or path.is_dir():
            continue
        copy = Path(out) / path.relative_to(source)
        if not copy.is_file() or copy.read_bytes() != path.read_bytes():
            problems.append(f"{path.name} did not come along unchanged")
    shards = {p.name for p in Path(source).glob("*" + WEIGHTS)}
    if shards != {p.name for p in Path(out).glob("*" + WEIGHTS)}:
        problems.append("the names of the shards changed")
    if (Path(source) / INDEX).exists():
        problems += check_index(Path(out))
    return problems


def check_index(out):
    index = json.loads((out / INDEX).read_text())
    where, total = {}, 0
    for path in out.glob("*" + WEIGHTS):
        for name, tensor in read_file(path).items():
            where[name] = path.name
            total += len(tensor.data)
    problems = [] if index["weight_map"] == where else ["index: weight_map is not what lies there"]
    if index["metadata"]["total_size"] != total:
        problems.append(f"index: total_size {index['metadata']['total_size']}, not {total}")
    return problems
