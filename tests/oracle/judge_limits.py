"""judge_limits.py - q8-inspect on large and sparse files: bounded memory, right numbers"""
import json
import struct
import subprocess
import tempfile
import time

MB = 1 << 20


def write(path, tensors):
    """A .safetensors file whose data are a hole; tensors: name -> (dtype, shape, bytes)."""
    header, at = {}, 0
    for name, (dtype, shape, size) in tensors.items():
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [at, at + size]}
        at += size
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + at)


def llama_70b(folder):
    """The layout of Llama-3-70B: 723 tensors in 30 files of zeros that take no disk."""
    hidden, inner, vocabulary = 8192, 28672, 128256
    layer = {"input_layernorm": [hidden], "post_attention_layernorm": [hidden],
             "mlp.down_proj": [hidden, inner], "mlp.gate_proj": [inner, hidden],
             "mlp.up_proj": [inner, hidden], "self_attn.q_proj": [hidden, hidden],
             "self_attn.k_proj": [1024, hidden], "self_attn.v_proj": [1024, hidden],
             "self_attn.o_proj": [hidden, hidden]}
    shapes = {"model.embed_tokens.weight": [vocabulary, hidden], "model.norm.weight": [hidden],
              "lm_head.weight": [vocabulary, hidden]}
    shapes.update({f"model.layers.{i}.{name}.weight": shape
                   for i in range(80) for name, shape in layer.items()})
    names, where = list(shapes), {}
    for i in range(30):
        file = f"model-{i + 1:05d}-of-00030.safetensors"
        part = names[i * len(names) // 30:(i + 1) * len(names) // 30]
        where.update({name: file for name in part})
        write(folder / file, {n: ("BF16", shapes[n], 2 * shapes[n][0] * (shapes[n] + [1])[1])
                              for n in part})
    (folder / "model.safetensors.index.json").write_text(
        json.dumps({"metadata": {"total_size": 0}, "weight_map": where}))
    (folder / "config.json").write_text(
        json.dumps({"model_type": "llama", "architectures": ["LlamaForCausalLM"]}))


def peak_of(pid):
    """Peak resident bytes so far; 0 when the process has ended."""
    try:
        with open(f"/proc/{pid}/status") as status:
            return next((int(line.split()[1]) * 1024 for line in status if "VmHWM" in line), 0)
    except OSError:
        return 0


def measured(q8, *args):
    """(exit code, standard output, standard error, peak resident bytes)

    What wait4 says of the peak counts this process before the exec.
    """
    command, peak = [str(q8.with_name("q8-inspect")), "-q", *map(str, args)], 0
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with subprocess.Popen(command, stdout=out, stderr=err) as process:
            while process.poll() is None:
                peak = max(peak, peak_of(process.pid))
                time.sleep(0.001)
        out.seek(0)
        err.seek(0)
        return process.returncode, out.read(), err.read().decode(), peak


def judge_header(q8, folder):
    code, out, err, peak = measured(q8, "--header", "--json", folder)
    report = json.loads(out)
    problems = [f"exit {code}: {err}"] if code or err else []
    if (len(report["files"]), len(report["tensors"])) != (30, 723):
        problems.append(f"{len(report['tensors'])} tensors in {len(report['files'])} files")
    return problems + ([f"{peak / MB:.0f} MiB"] if peak > 16 * MB else [])


def judge_layer(q8, folder):
    """One layer of it, with the widest rows that the model has."""
    code, out, err, peak = measured(q8, "--json", "-j", 2, "--layers", "model.layers.79.*", folder)
    report = json.loads(out)
    zeros = {e["name"]: (e["zeros"], e["elements"]) for e in report["tensors"]}
    problems = [f"exit {code}: {err}"] if code or err else []
    problems += [f"{n}: {z} zeros of {e}" for n, (z, e) in zeros.items() if z != e]
    if len(zeros) != 9:
        problems.append(f"{len(zeros)} tensors of the layer")
    return problems + ([f"{peak / MB:.0f} MiB"] if peak > 64 * MB else [])


def judge_many(q8, folder):
    """100,000 tensors, half of them matrices."""
    path = folder / "many.safetensors"
    write(path, {f"a.{i}.weight": ("F32", [2, 3], 24) if i % 2 else ("F32", [6], 24)
                 for i in range(100_000)})
    code, out, err, peak = measured(q8, "--json", path)
    report = json.loads(out)
    problems = [f"exit {code}: {err}"] if code or err else []
    if sum(e["zeros"] for e in report["tensors"]) != 600_000:
        problems.append("not all zeros were counted")
    return problems + ([f"{peak / MB:.0f} MiB"] if peak > 256 * MB else [])


def judge_row(q8, folder):
    """A row of a billion elements: measured as a whole, in pieces."""
    path = folder / "row.safetensors"
    write(path, {"a.weight": ("F16", [1, 10**9], 2 * 10**9), "b": ("F16", [10**9 + 7], 2 * 10**9 + 14)})
    code, out, err, peak = measured(q8, "--json", path)
    a, b = json.loads(out)["tensors"]
    problems = [f"exit {code}: {err}"] if code or err else []
    if (a["zeros"], b["zeros"]) != (10**9, 10**9 + 7) or "no_rows" not in a:
        problems.append(f"zeros {a['zeros']}, {b['zeros']}; no_rows: {a.get('no_rows')}")
    return problems + ([f"{peak / MB:.0f} MiB"] if peak > 64 * MB else [])


def check(checks, q8, _, work):
    large = work / "70b"
    large.mkdir()
    llama_70b(large)
    checks.attempt("limits: --header of a 70B layout", judge_header, q8, large)
    checks.attempt("limits: a layer of it", judge_layer, q8, large)
    checks.attempt("limits: 100,000 tensors", judge_many, q8, work)
    checks.attempt("limits: a row of a billion", judge_row, q8, work)
