"""judge_sources.py - quantized sources: q8 makes of each what it makes of the floats of the scheme's library

Each scheme of sources_make.py in each class below: one directory quantized, scales in other shards than
codes, and one with the floats.  Outputs must be equal file for file, and so what is inspected and verified.
"""
import json
import os
import re
import subprocess

import bitsandbytes.functional as bnb
import torch
from safetensors.torch import save_file
from transformers import CompressedTensorsConfig, FineGrainedFP8Config, Mxfp4Config

import judge_ct
import models
import peers
import reference
from common import INDEX, read_dir, run_q8
from judge_bnb import NO_FORWARD, loading_problems
from sources_make import FUSED, KEPT, SCHEMES

CLASSES = ("llama", "llama-odd", "mistral", "qwen2", "qwen3_moe", "deepseek_v3", "gpt_oss", "mixtral",
           "gemma3_text", "glm4", "starcoder2", "phi3", "granite", "llama-long")
LONG = ("llama-long", "LlamaConfig", "LlamaForCausalLM", models.BF16,      # rows that are read in pieces
        {**models.GROUPED, **models.UNTIED, "intermediate_size": 9280}, {"shard"})
TARGETS = ("ct-w8a8", "ct-w8a16-g32", "bnb-int8")
CODES = {".weight", ".weight_packed", "_blocks", ".qweight", ""}
STACK = re.compile(r"\.experts\.(gate_up|down)_proj$")

# As their releases have it, and vLLM asks for it.
MORE = {"deepseek_v3": {"topk_method": "noaux_tc"}}
# SGLang builds it float, so all of a gpt_oss stays so unless asked.
ALSO = {"gpt_oss": ["--also=*.self_attn.*"]}
LAST, DRAFT = "model.layers.1.", "model.layers.2."

# Classes whose sources transformers loads as they are: the directory is what it takes it for.
READ = ("llama", "deepseek_v3", "gpt_oss")
# All blocks are cut; no class has such experts; experts of which transformers 5.23 makes none.
UNREAD = {("fp8-block-bf16", name) for name in READ} | {("fp8-fused", "gpt_oss")} | {
    (scheme, "deepseek_v3") for scheme in SCHEMES if re.match("ct-int|ct-float-block|mxfp8|nvfp4", scheme)}

# Outputs that transformers loads, or vLLM's own model class (transformers has no int8 experts).
LOADS = [(scheme, name, target) for scheme, name, targets in (
    ("fp8-block", "llama", TARGETS), ("fp8-block", "glm4", TARGETS), ("fp8-block", "deepseek_v3", ("bnb-int8",)),
    ("fp8-block-e8m0", "qwen3_moe", ("bnb-int8",)), ("mxfp4-gpt-oss", "gpt_oss", TARGETS),
    ("mxfp4-ct", "llama", TARGETS)) for target in targets]
VLLM = [(scheme, name, target) for scheme, name, target in (
    ("fp8-block", "llama", "ct-w8a8"), ("fp8-block", "deepseek_v3", "ct-w8a8"),
    ("fp8-block", "deepseek_v3", "ct-w8a16-g32"), ("mxfp4-ct", "qwen3_moe", "ct-w8a8"),
    ("fp8-block-bf16", "mixtral", "ct-w8a8"), ("mxfp4-gpt-oss", "gpt_oss", "ct-w8a8"),
    ("mxfp4-gpt-oss", "gpt_oss", "ct-w8a16-g32"))]
VLLM_CLASS = {"llama": "llama:LlamaForCausalLM", "deepseek_v3": "deepseek_v2:DeepseekV3ForCausalLM",
              "qwen3_moe": "qwen3_moe:Qwen3MoeForCausalLM", "mixtral": "mixtral:MixtralForCausalLM",
              "gpt_oss": "gpt_oss:GptOssForCausalLM"}


def quantized_names(scheme, model, source, tensors):
    """The tensors that become parts."""
    if scheme in FUSED:
        return {name for name in tensors if STACK.search(name)}
    fits = getattr(SCHEMES[scheme], "fits", lambda weight: True)
    int8, _ = judge_ct.expected_modules(model, source)
    return {f"{m}.weight" for m in int8 if fits(tensors[f"{m}.weight"])}


def add_draft(tensors):
    """A layer more, as DeepSeek's releases have one for drafts (MTP)."""
    width = tensors["model.norm.weight"].shape[0]
    embedding = tensors["model.embed_tokens.weight"]
    tensors.update({DRAFT + n.removeprefix(LAST): t.roll(1, 0) for n, t in list(tensors.items()) if n.startswith(LAST)})
    tensors.update({f"{DRAFT}{n}.weight": tensors["model.norm.weight"].clone()
                    for n in ("enorm", "hnorm", "shared_head.norm")})
    tensors.update({f"{DRAFT}{n}.weight": embedding.clone() for n in ("embed_tokens", "shared_head.head")})
    tensors[f"{DRAFT}eh_proj.weight"] = embedding[:width].repeat(1, 2)


def write_folder(folder, config, shards):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    where = {}
    for i, tensors in enumerate(shards):
        name = f"model-{i + 1:05d}-of-{len(shards):05d}.safetensors"
        save_file({n: t.contiguous() for n, t in tensors.items()}, folder / name, metadata={"format": "pt"})
        where.update(dict.fromkeys(tensors, name))
    (folder / INDEX).write_text(json.dumps({"metadata": {"total_size": 0}, "weight_map": where}))


def write_pair(scheme, model, source, folder):
    """folder/source and folder/floats; returns how many weights are quantized."""
    how, raw = SCHEMES[scheme], read_dir(source)
    tensors = {name: reference.to_torch(t) for name, t in raw.items()}
    if source.parent.name == "deepseek_v3":
        add_draft(tensors)
    config = {**json.loads((source / "config.json").read_text()), **MORE.get(source.parent.name, {})}
    names = quantized_names(scheme, model, raw, tensors)
    names |= {DRAFT + n.removeprefix(LAST) for n in names if n.startswith(LAST)} & tensors.keys()
    rest = {name: t for name, t in tensors.items() if name not in names}
    codes, scales, floats = {}, dict(rest), {}
    for name in sorted(names):
        parts = how.parts(tensors[name])
        floats[name] = how.floats(parts, tensors[name].dtype)
        stem = name.removesuffix(".weight")
        for suffix, part in parts.items():
            (codes if suffix in CODES else scales)[stem + suffix] = part
    skip = sorted({n.removesuffix(".weight") for n in rest if n.endswith(".weight") and rest[n].dim() == 2})
    write_folder(folder / "source", {**config, "quantization_config": how.config(skip)}, [codes, scales])
    write_folder(folder / "floats", config, [floats, rest])
    return len(names)


def digest(folder):
    """All files of an output but the manifest, which names the source's."""
    return {p.name: p.read_bytes() for p in folder.iterdir() if p.name != "q8-manifest.json"}


def judge_target(q8, folder, target, name):
    """Both converted: the same files.  (The source is the last: its report is kept.)"""
    outs = [folder / f"{kind}-{target}" for kind in ("source", "floats")]
    also = ALSO.get(name, []) if target != "bnb-int8" else []
    runs = [run_q8(q8, "-q", "--no-sync", "--no-sqnr", "--to", target, *also,
                   f"--json={folder}/report.json", folder / kind, out)
            for kind, out in reversed(list(zip(("source", "floats"), outs)))][::-1]
    if runs[0][0] or runs[1][0]:
        return [f"{kind}: exit {code}: {err.strip()[:200]}"
                for kind, (code, _, err) in zip(("source", "floats"), runs) if code]
    carried = carried_modules(folder / "report.json")
    if carried:
        return judge_carried(folder, outs, carried, target) + judge_verify(q8, folder, outs[0])
    have, want = map(digest, outs)
    problems = [f"{name} is in one of the two alone" for name in have.keys() ^ want.keys()]
    problems += [f"{name} differs" for name in sorted(have.keys() & want.keys()) if have[name] != want[name]]
    return problems + judge_verify(q8, folder, outs[0])


def judge_verify(q8, folder, out):
    done = run_tool(q8, "q8-verify", "-q", folder / "source", out)
    return [f"q8-verify exits {done.returncode}: {done.stderr.strip()[:200]}"] if done.returncode else []


def carried_modules(report):
    """Weights whose codes are those of the input: nothing is rounded."""
    return {t["name"].removesuffix(".weight") for t in json.loads(report.read_text())["tensors"] if t.get("carried")}


def judge_carried(folder, outs, carried, target):
    """What the codes stand for is the floats; all else is as of those.  A step of bitsandbytes has a rounding
    of its own, 2^-23 of it, which may take a float of 16 bits to its neighbour."""
    have, want = map(read_dir, outs)
    floats = {n: reference.to_torch(t) for n, t in read_dir(folder / "floats").items()}
    problems = [f"{name} is in one of the two alone" for name in have.keys() ^ want.keys()]
    problems += [f"{name} differs" for name in sorted(have.keys() & want.keys())
                 if not any(name.startswith(f"{m}.") for m in carried) and have[name].data != want[name].data]
    if (outs[0] / "config.json").read_bytes() != (outs[1] / "config.json").read_bytes():
        problems.append("config.json differs")
    for module in sorted(carried):
        exact = floats[f"{module}.weight"]
        value = decoded(have, module, target).to(exact.dtype)
        near = exact.float().abs() * (2**-7 if (folder / "source").parent.name == "bnb-int8" else 0)
        wrong = ((value.float() - exact.float()).abs() > near).sum().item()
        problems += [f"{module}: {wrong} codes stand for other floats"] if wrong else []
    return problems


def decoded(have, module, target):
    if target != "bnb-int8":
        return judge_ct.decode_module(have, module, judge_ct.group_of(target))
    return bnb.int8_vectorwise_dequant(*(reference.to_torch(have[f"{module}.{end}"]) for end in ("weight", "SCB")))


def run_tool(q8, tool, *args):
    return subprocess.run([str(q8.with_name(tool)), *map(str, args)], capture_output=True, text=True,
                          errors="replace", timeout=300, env=os.environ)


def judge_inspect(q8, folder, count):
    """Every number of the report, and every value of the comparison."""
    problems, reports = [], []
    for kind in ("source", "floats"):
        done = run_tool(q8, "q8-inspect", "-q", "--json", folder / kind)
        if done.returncode:
            return [f"q8-inspect {kind}: exit {done.returncode}: {done.stderr.strip()[:200]}"]
        report = json.loads(done.stdout.replace(str(folder / kind), "MODEL"))
        for tensor in report["tensors"]:
            problems += [f"{tensor['name']} is not finite"] if tensor["nan"] or tensor["inf"] else []
        reports.append(report)
    if reports[0].pop("decoded") != count or reports[0].pop("source") == reports[1].pop("source"):
        problems.append(f"q8-inspect: not {count} weights of another source")
    problems += [f"q8-inspect: {key} differs" for key in reports[0] if reports[0][key] != reports[1].get(key)]
    return problems


def judge_diff(q8, folder):
    done = run_tool(q8, "q8-inspect", "-q", "--json", "--diff", folder / "source", folder / "floats")
    if done.returncode > 1:
        return [f"--diff: exit {done.returncode}: {done.stderr.strip()[:200]}"]
    totals = json.loads(done.stdout)["totals"]
    wrong = {key: n for key, n in totals.items() if n and key not in ("tensors", "same-bytes")}
    return [f"--diff: {wrong}"] if wrong else []


def unexpected(info):
    """transformers knows the draft layers by the number that the release has: it loads none of them."""
    left = {name for name in info["unexpected_keys"] if not name.startswith(DRAFT)}
    return loading_problems({**info, "unexpected_keys": left})


def judge_source(row, folder, how):
    """transformers' own floats of the source, but for blocks cut at the edges, which it cuts anew."""
    words = {"compressed-tensors": CompressedTensorsConfig, "fp8": FineGrainedFP8Config, "mxfp4": Mxfp4Config}
    words = words.get(how.config([])["quant_method"])
    words = {"quantization_config": words(dequantize=True)} if words else {}
    have, info = models.load(folder / "source", row, **words)
    want = models.load(folder / "floats", row)[0].state_dict()
    block = getattr(how, "block", (1, 1))
    problems = unexpected(info)
    for name, t in have.state_dict().items():
        ragged = t.dim() == 2 and any(n > b and n % b for n, b in zip(t.shape, block))
        if not ragged and not torch.equal(t, want[name]):
            problems.append(f"{name} differs")
    return problems


def judge_load(row, folder, target):
    model, info = models.load(folder / f"source-{target}", row)
    problems = unexpected(info)
    if not (target == "bnb-int8" and row[0] in NO_FORWARD) and torch.isnan(models.run(model, row)).any():
        problems.append("NaN in the logits")
    return problems


def check_vllm(checks, work):
    """vLLM builds its own classes and loads the directories, without a GPU (runtime_vllm.py)."""
    cases = [c for c in VLLM if (work / c[1]).is_dir()]
    jobs = [{"out": str(work / name / scheme / f"source-{target}"), "class": VLLM_CLASS[name], "tp": 1,
             "cc": 80} for scheme, name, target in cases]
    if not cases:
        return
    if not peers.python():
        print("SKIPPED: vLLM: no environment (tests/oracle/env.sh --peers)", flush=True)
        return
    for (scheme, name, target), answer in zip(cases, peers.ask("runtime_vllm.py", jobs, work)):
        verdict, why = answer if isinstance(answer, list) else ("fails", answer)
        checks.add(f"{scheme} {name} {target}: vLLM loads", [] if verdict == "loads" else [why])


def check_scheme(checks, q8, row, model, source, work, scheme):
    """One scheme of one class; returns {target: weights that were compared}."""
    folder, what = work / scheme, f"{scheme} {row[0]}"
    folder.mkdir()
    count = write_pair(scheme, model, source, folder)
    if not count:
        return {}
    if row[0] in READ and SCHEMES[scheme].read and (scheme, row[0]) not in UNREAD:
        checks.attempt(f"{what}: transformers reads it", judge_source, row, folder, SCHEMES[scheme])
    counts = {t: count for t in TARGETS
              if checks.attempt(f"{what} {t}: as of the floats", judge_target, q8, folder, t, row[0])}
    if scheme not in KEPT:
        checks.attempt(f"{what}: inspected", judge_inspect, q8, folder, count)
        checks.attempt(f"{what}: --diff", judge_diff, q8, folder)
    for target in (t for s, name, t in LOADS if (s, name) == (scheme, row[0])):
        checks.attempt(f"{what} {target}: loads", judge_load, row, folder, target)
    return counts


def table(counts):
    """Weights that were equal, by scheme, class and target."""
    names = [c for c in CLASSES if any(key[1] == c for key in counts)]
    print("\n" + " " * 22 + "weights equal with " + ", ".join(TARGETS))
    for scheme in SCHEMES:
        cells = [(c, [counts[scheme, c].get(t, 0) for t in TARGETS]) for c in names if counts.get((scheme, c))]
        print(f"{scheme:22}{len(cells):3} classes  " + "  ".join(
            f"{c} {n[0] if len(set(n)) == 1 else '/'.join(map(str, n))}" for c, n in cells))
    print(flush=True)


def check(checks, q8, work, wanted=frozenset()):
    counts = {}
    wanted = wanted and wanted | {LONG[0]}
    for row in (r for r in [*models.MODELS, LONG] if r[0] in CLASSES and (not wanted or r[0] in wanted)):
        folder = work / row[0]
        folder.mkdir()
        models.make(row, folder / "model")
        model = models.load(folder / "model", row)[0]
        for scheme in SCHEMES:
            counts[scheme, row[0]] = check_scheme(checks, q8, row, model, folder / "model", folder, scheme)
    check_vllm(checks, work)
    table(counts)
