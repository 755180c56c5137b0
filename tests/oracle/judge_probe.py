"""judge_probe.py - the activations that q8-verify makes, made again in numpy from their description

The generator is that of src/forward/gaussian.h, what is made of it that of src/forward/activations.c.  Which norm feeds a
module, and with which gains, is not taken from q8: the model runs in transformers, and a module is
fed by a norm when its input is what the norm has returned, number by number.
"""
import statistics
import subprocess

import numpy as np
import torch
from safetensors.torch import save_file
from transformers.pytorch_utils import Conv1D

import capture
import models
import reference
from common import read_dir

MASK = (1 << 64) - 1
TOKENS = 5
FAMILIES = ("llama", "llama-tied", "qwen3", "gemma2", "gemma3_text", "phi", "phi3", "gpt2",
            "gpt_neo", "gpt_neox", "codegen", "opt", "bloom", "falcon", "stablelm", "starcoder2",
            "olmo2", "cohere", "glm4", "mixtral", "qwen2_moe", "deepseek_v3", "bert", "t5", "llava",
            "qwen2_vl")
# Of the models whose norms q8 knows, how many modules at least get gains.
FED = {"llama": 11, "llama-tied": 10, "qwen3": 10, "gemma2": 10, "gemma3_text": 10, "phi": 8,
       "phi3": 5, "gpt2": 4, "gpt_neox": 5, "mixtral": 23, "qwen2_moe": 29,
       "deepseek_v3": 21}


def mix(z):
    with np.errstate(over="ignore"):
        z = (z ^ z >> np.uint64(30)) * np.uint64(0xbf58476d1ce4e5b9)
        z = (z ^ z >> np.uint64(27)) * np.uint64(0x94d049bb133111eb)
    return z ^ z >> np.uint64(31)


def quantiles():
    quantile = statistics.NormalDist().inv_cdf
    return np.array([quantile((u + 0.5) / 65536) for u in range(65536)]).astype(np.float32)


def gaussian(table, name, seed, tokens, cols):
    """z [tokens, cols]."""
    start = 0xcbf29ce484222325
    for byte in name.encode():
        start = (start ^ byte) * 0x100000001b3 & MASK
    start = mix(np.array([start ^ seed], np.uint64))
    count = -(-tokens * cols // 4)
    with np.errstate(over="ignore"):
        words = mix(start + np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x9e3779b97f4a7c15))
    return table[words.view("<u2")[:tokens * cols]].reshape(tokens, cols)


def rounded(x, dtype):
    """In the type of the weight; F64 as F32."""
    return torch.from_numpy(x).to(reference.DTYPES[dtype]).float().numpy()


def dump(tool, model, module, tokens, seed, activations=None):
    """What q8 makes: (where from, x [tokens x cols]); None: it is no Linear for it."""
    words = [str(tool), str(model), module, str(tokens), str(seed)]
    done = subprocess.run(words + ([str(activations)] if activations else []), capture_output=True,
                          timeout=300)
    if done.returncode == 2:
        return None
    if done.returncode:
        raise ValueError(f"{module}: exit {done.returncode}: {done.stderr.decode()[:300]}")
    return done.stderr.decode().strip(), np.frombuffer(done.stdout, np.float32)


def compare(problems, at, want, have):
    if want.size != have.size:
        problems.append(f"{at}: {have.size} values, not {want.size}")
    elif want.astype(np.float32).tobytes() != have.tobytes():
        bad = np.flatnonzero(want.ravel().view(np.uint32) != have.view(np.uint32))
        problems.append(f"{at}: {bad.size} of {want.size} differ, the first at {bad[0]}: "
                        f"{have[bad[0]]!r}, not {want.ravel()[bad[0]]!r}")


def effective_gains(norm):
    """What the norm multiplies by, measured: a vector of +-1 has RMS 1 and mean 0 before and after."""
    weight = norm.weight.data
    signs = torch.ones_like(weight)
    signs[::2] = -1
    with torch.no_grad():
        return ((norm(signs[None])[0] - norm(-signs[None])[0]) / 2 * signs).float()


def gains_of(norm):
    """Its gains in float32: the weight, or 1 + weight, whichever the norm was seen to use."""
    weight, seen = norm.weight.data.float(), effective_gains(norm)
    plus = 1 + weight
    return (weight if (weight - seen).abs().max() < (plus - seen).abs().max() else plus).numpy()


def fed_modules(model, run):
    """{module in memory: norm module, or None} of what ran: whether a norm's output is its input."""
    made, fed = [], {}

    def after(module, args, output):
        if torch.is_tensor(output):
            made.append((module, output.reshape(-1)))

    def before(name):
        def take(module, args):
            x = args[0].reshape(-1)
            same = [norm for norm, output in made if torch.equal(output, x)]
            fed[name] = same[-1] if same else None
        return take

    for name, module in model.named_modules():
        if isinstance(module, (torch.nn.Linear, Conv1D)) or name.endswith(".experts"):
            module.register_forward_pre_hook(before(name))
        elif "norm" in type(module).__name__.lower():
            module.register_forward_hook(after)
    run()
    return fed


def modules_of(model, raw, fed):
    """Of the modules that ran, (name in the file, dtype, columns, norm or None)."""
    names = models.file_names(model, {n: reference.to_torch(t) for n, t in raw.items()},
                              (torch.nn.Linear, Conv1D))
    for memory, name in names.items():
        weight, module = raw[name + ".weight"], model.get_submodule(memory)
        if memory in fed:
            yield name, weight.dtype, weight.shape[not isinstance(module, Conv1D)], fed[memory]
    for memory, norm in fed.items():                # experts, which lie in memory as one weight
        if not memory.endswith(".experts"):
            continue
        layer = memory.split(".layers.")[1].split(".")[0]
        for name, weight in raw.items():
            if f".layers.{layer}." in name and ".experts." in name and len(weight.shape) == 2:
                cols = weight.shape[1]              # no model here has two widths that are equal
                yield (name.removesuffix(".weight"), weight.dtype, cols,
                       norm if norm is not None and cols == norm.weight.numel() else None)


def judge_gains(tool, table, row, source):
    model, _ = models.load(source, row, dtype="auto")
    fed = fed_modules(model, lambda: run_any(model, row))
    problems, gained, known, count = [], 0, 0, 0
    for name, dtype, cols, norm in modules_of(model, read_dir(source), fed):
        made = dump(tool, source, name, TOKENS, 3)
        if not made:                                # a tied head: the embedding's name
            continue
        kind, have = made
        z = gaussian(table, name, 3, TOKENS, cols)
        count, known = count + 1, known + (norm is not None)
        if kind == "norm gains":
            gained += 1
            if norm is None:
                problems.append(f"{name} gets the gains of a norm, but none feeds it")
                continue
            z = z * gains_of(norm)
        elif kind != "gaussian":
            problems.append(f"{name}: {kind}")
        compare(problems, name, rounded(z, dtype), have)
    if gained < FED.get(row[0], 0):
        problems.append(f"{gained} modules get gains, {FED[row[0]]} should")
    print(f"     {row[0]}: a norm feeds {known} of {count} modules, q8 knows {gained}", flush=True)
    return problems


def run_any(model, row):
    if row[0] in ("llava", "qwen2_vl"):             # text alone
        with torch.no_grad():
            model(input_ids=torch.arange(3, 15)[None])
    else:
        models.run(model, row)


def judge_files(tool, table, kjv, work):
    """Captured rows and statistics of every type, from safetensors and npz."""
    problems, cols = [], 256
    prefix = "model.layers.1."
    x = np.random.default_rng(4).normal(size=(7, cols)) * 9
    absmax = np.abs(x).max(axis=0)
    q, k, v, gate = (prefix + n for n in ("self_attn.q_proj", "self_attn.k_proj",
                                          "self_attn.v_proj", "mlp.gate_proj"))
    up, head = prefix + "mlp.up_proj", "lm_head"
    arrays = {q: x.astype(np.float16), k: x.astype(np.float32), v: x, up: absmax,
              gate: absmax.astype(np.float16), head: x.reshape(7, 1, cols)}
    np.savez(work / "stored.npz", **arrays)
    np.savez_compressed(work / "deflated.npz", **arrays)
    tensors = {n: torch.from_numpy(a.copy()) for n, a in arrays.items()}
    tensors[k] = tensors[k].bfloat16()
    save_file(tensors, work / "arrays.safetensors")
    for path in ("stored.npz", "deflated.npz", "arrays.safetensors"):
        for tokens in (1, TOKENS, 100):
            for name in (q, k, v, head, up, gate):
                kind, have = dump(tool, kjv, name, tokens, 9, work / path)
                value = tensors[name].float().numpy() if path.endswith("tensors") \
                    else arrays[name].astype(np.float32)
                if value.ndim == 1:
                    z = gaussian(table, name, 9, tokens, cols).astype(np.float64)
                    want = (z * value.astype(np.float64) / np.abs(z).max(axis=0)).astype(np.float32)
                    if not (np.abs(want).max(axis=0) == value).all():
                        problems.append(f"{name}: the description misses absmax")
                else:
                    want = value.reshape(-1, cols)[:tokens].astype(np.float32)
                if kind != ("statistics" if value.ndim == 1 else "captured"):
                    problems.append(f"{name} of {path}: {kind}")
                compare(problems, f"{name} of {path}", rounded(want, "BF16"), have)
    return problems


def judge_seeds(tool, table, kjv):
    """The plain generator: seeds, token counts, and the planted features of the norms."""
    problems, name = [], "model.layers.3.mlp.down_proj"
    for seed in (0, 1, 2**63 + 5, MASK):
        for tokens in (1, 3, 128):
            kind, have = dump(tool, kjv, name, tokens, seed)
            compare(problems, f"seed {seed}", rounded(gaussian(table, name, seed, tokens, 640), "BF16"),
                    have)
    kind, have = dump(tool, kjv, "model.layers.0.self_attn.q_proj", 128, 0)
    absmax = np.abs(have.reshape(128, 256)).max(axis=0)
    planted = sorted(np.argsort(absmax)[-6:])
    if kind != "norm gains" or planted != [7, 41, 90, 133, 180, 222]:
        problems.append(f"planted features: {kind} {planted}")
    return problems


def judge_capture(tool, kjv, work):
    """What capture.py saves is what the probe reads, all of it."""
    from transformers import AutoModelForCausalLM, AutoTokenizer
    tokens = AutoTokenizer.from_pretrained(kjv)((kjv / "heldout.txt").read_text())["input_ids"][:32]
    model = AutoModelForCausalLM.from_pretrained(kjv, dtype="auto").eval()
    captured, problems = capture.capture(model, tokens), []
    save_file(captured, work / "captured.safetensors")
    linear = [n for n, m in model.named_modules() if isinstance(m, torch.nn.Linear)]
    if sorted(captured) != sorted(linear):
        problems.append(f"{len(captured)} of {len(linear)} modules were captured")
    for name, rows in captured.items():
        kind, have = dump(tool, kjv, name, 1000, 0, work / "captured.safetensors")
        if kind != "captured":
            problems.append(f"{name}: {kind}")
        compare(problems, name, rows.float().numpy(), have)
    return problems


def check(checks, q8, kjv, work):
    """All checks; dump_activations lies beside q8-convert's directory in the build."""
    tool, table = q8.parents[1] / "tests/unit/dump_activations", quantiles()
    checks.attempt("probe: the generator", judge_seeds, tool, table, kjv)
    checks.attempt("probe: captured rows and statistics", judge_files, tool, table, kjv, work)
    checks.attempt("probe: capture.py", judge_capture, tool, kjv, work)
    for row in (r for r in models.MODELS if r[0] in FAMILIES):
        models.make(row, work / row[0])
        checks.attempt(f"probe {row[0]}: norm gains", judge_gains, tool, table, row, work / row[0])
