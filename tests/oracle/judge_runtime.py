"""judge_runtime.py - q8-verify's verdicts on directories with one fault each, against the runtimes themselves

vLLM and SGLang build their own model classes and load the directory, without a GPU (runtime_vllm.py,
runtime_sglang.py); transformers loads and runs it.  What only a kernel would refuse is read from the source, and
the row says so.  A verdict of q8-verify that is "unknown" is counted, not judged.  SGLang's wheel is looked for
in $Q8_WHEELS, else /tmp/wheels (pip download --no-deps sglang==0.5.23).
"""
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import torch
import transformers
from safetensors.torch import load_file, save_file

import judge_ct
import reference
from common import convert, read_file, run_verify

HERE = Path(__file__).resolve().parent
READERS = ("transformers", "vllm", "sglang")
LAYER = "model.layers.0."
Q, K, V, O = (f"{LAYER}self_attn.{n}_proj" for n in "qkvo")
GATE, UP, DOWN = (f"{LAYER}mlp.{n}_proj" for n in ("gate", "up", "down"))
EXPERT = f"{LAYER}block_sparse_moe.experts.0."
WORDS = dict(vocab_size=128, hidden_size=128, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, intermediate_size=256, max_position_embeddings=64,
             pad_token_id=0, bos_token_id=1, eos_token_id=2, tie_word_embeddings=False)
# name: (configuration, class, more words, the model file of vLLM and SGLang)
MODELS = {
    "llama": ("LlamaConfig", "LlamaForCausalLM", {}, "llama"),
    "narrow": ("LlamaConfig", "LlamaForCausalLM", {"intermediate_size": 176}, "llama"),
    "tied": ("LlamaConfig", "LlamaForCausalLM", {"tie_word_embeddings": True}, "llama"),
    "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", {}, "qwen2"),
    "gemma2": ("Gemma2Config", "Gemma2ForCausalLM", {"head_dim": 32, "tie_word_embeddings": True}, "gemma2"),
    "mixtral": ("MixtralConfig", "MixtralForCausalLM", {"num_local_experts": 4}, "mixtral"),
    "thin": ("MixtralConfig", "MixtralForCausalLM",
             {"num_local_experts": 4, "hidden_size": 64, "intermediate_size": 128}, "mixtral"),
}


# Faults: functions of a folder.

def config(change):
    """A fault in quantization_config."""
    def fault(folder):
        path = folder / "config.json"
        words = json.loads(path.read_text())
        change(words["quantization_config"])
        path.write_text(json.dumps(words, indent=2))
    return fault


def group(**words):
    return config(lambda q: q["config_groups"]["group_0"].update(words))


def weights(**words):
    return config(lambda q: q["config_groups"]["group_0"]["weights"].update(words))


def inputs(**words):
    return config(lambda q: q["config_groups"]["group_0"]["input_activations"].update(words))


def targets(*names):
    return group(targets=list(names))


def ignore(*names):
    return config(lambda q: q.update(ignore=list(q.get("ignore") or []) + list(names)))


def both(*faults):
    def fault(folder):
        for one in faults:
            one(folder)
    return fault


def second_group(names, **words):
    def change(q):
        new = json.loads(json.dumps(q["config_groups"]["group_0"]))
        new["targets"] = list(names)
        new["weights"].update(words)
        q["config_groups"]["group_1"] = new
    return config(change)


def edit(folder, change):
    for path in folder.glob("*.safetensors"):
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path, metadata={"format": "pt"})


def floated(*modules):
    """Int8 weights that are float in the file, with the values that they stood for."""
    def fault(folder):
        raw = {}
        for path in folder.glob("*.safetensors"):
            raw |= read_file(path)
        size = json.loads((folder / "config.json").read_text())["quantization_config"][
            "config_groups"]["group_0"]["weights"].get("group_size") or 0

        def change(tensors):
            for module in modules:
                if f"{module}.weight_scale" not in tensors:
                    continue
                scale = tensors[f"{module}.weight_scale"].float()
                if f"{module}.weight_packed" in tensors:
                    packed = tensors[f"{module}.weight_packed"]
                    codes = packed.view(torch.uint8).reshape(packed.shape[0], -1).to(torch.int16) - 128
                else:
                    codes = tensors[f"{module}.weight"]
                step = scale.repeat_interleave(codes.shape[1] // scale.shape[1], 1)
                tensors[f"{module}.weight"] = (codes.float() * step).to(torch.bfloat16)
                for end in (".weight_scale", ".weight_packed", ".weight_shape"):
                    tensors.pop(module + end, None)
        edit(folder, change)
    return fault


def dropped(name):
    return lambda folder: edit(folder, lambda tensors: tensors.pop(name, None))


def renamed(old, new):
    return lambda folder: edit(folder, lambda tensors: tensors.update({new: tensors.pop(old)}))


LISTS = [
    ("no fault", lambda folder: None, {}),
    ("o_proj in ignore", ignore(O), {}),
    ("q_proj in ignore", ignore(Q), {}),
    ("q, k and v in ignore", ignore(Q, K, V), {}),
    ("q, k, v and qkv_proj in ignore", ignore(Q, K, V, f"{LAYER}self_attn.qkv_proj"), {}),
    ("qkv_proj in ignore", ignore(f"{LAYER}self_attn.qkv_proj"), {}),
    ("the end of a name in ignore", ignore("self_attn.o_proj"), {}),
    ("a regex in ignore", ignore("re:.*o_proj"), {}),
    ("a regex that matches from within", ignore("re:o_proj"), {}),
    ("a regex for all attention", ignore("re:.*self_attn.*"), {}),
    ("a glob in ignore", ignore("*o_proj"), {}),
    ("a parent in ignore", ignore(f"{LAYER}mlp"), {}),
    ("ignore is null", config(lambda q: q.update(ignore=None)), {}),
    ("ignore is gone", config(lambda q: q.pop("ignore")), {}),
    ("targets in small letters", targets("linear"), {}),
    ("targets by one regex", targets("re:.*proj$"), {}),
    ("targets without the MLP", targets("re:.*self_attn.*"), {}),
    ("targets by a regex of leaves", targets("re:.*[qkvo]_proj$", "re:.*(gate|up|down)_proj$"), {}),
    ("targets by a class of the runtime", targets("ColumnParallelLinear"), {}),
    ("a target that is nowhere", targets("Conv2d"), {}),
    ("targets are empty", targets(), {}),
    ("no targets", config(lambda q: q["config_groups"]["group_0"].pop("targets")), {}),
    ("no groups", config(lambda q: q.update(config_groups={})), {}),
    ("a preset", config(lambda q: q.update(config_groups={"W8A16": ["Linear"]})), {}),
    ("weights are null", group(weights=None), {}),
    ("a group for attention", config(lambda q: q["config_groups"].update(
        group_1={"targets": ["LlamaAttention"], "weights": None})), {}),
    ("the head named, but float", both(targets("Linear", "re:.*lm_head$"),
                                       config(lambda q: q.update(ignore=[]))), {}),
    ("o_proj float", floated(O), {}),
    ("o_proj float and in ignore", both(floated(O), ignore(O)), {}),
    ("q_proj float and in ignore", both(floated(Q), ignore(Q)), {}),
    ("q, k, v float and in ignore", both(floated(Q, K, V), ignore(Q, K, V)), {}),
    ("q, k, v float, qkv_proj in ignore too",
     both(floated(Q, K, V), ignore(Q, K, V, f"{LAYER}self_attn.qkv_proj")), {}),
    ("gate and up float and in ignore", both(floated(GATE, UP), ignore(GATE, UP)), {}),
    ("up_proj float and in ignore", both(floated(UP), ignore(UP)), {}),
    ("a norm is missing", dropped("model.norm.weight"), {}),
    ("a tensor with another name", renamed(f"{LAYER}input_layernorm.weight",
                                           f"{LAYER}input_norm.weight"), {}),
    ("a transform", config(lambda q: q.update(transform_config={"config_groups": {"R1": {
        "type": "hadamard", "apply": [{"targets": ["Linear"], "location": "weight_input"}]}}})),
     {"read": {"transformers": "fails", "sglang": "fails"}}),
    ("an empty transform", config(lambda q: q.update(transform_config={})), {}),
    ("an int8 cache", config(lambda q: q.update(kv_cache_scheme={
        "num_bits": 8, "type": "int", "strategy": "tensor", "symmetric": True})), {}),
    ("sparse targets", config(lambda q: q.update(sparsity_config={
        "format": "dense", "targets": ["Linear"]})), {}),
    ("3 GPUs", lambda folder: None, {"tp": 3}),
    ("2 GPUs", lambda folder: None, {"tp": 2}),
    ("4 GPUs for 2 heads of keys", lambda folder: None, {"tp": 4, "read": {"sglang": "fails"}}),
    ("8 GPUs for 4 heads", lambda folder: None, {"tp": 8}),
    ("compute capability 6.1", lambda folder: None, {"cc": 61, "read": {"vllm": "fails"}}),
    ("compute capability 7.0", lambda folder: None, {"cc": 70}),
    ("compute capability 7.5", lambda folder: None, {"cc": 75}),
    ("compute capability 9.0", lambda folder: None, {"cc": 90}),
]
PACKED = [
    ("the other format", config(lambda q: q.update(format="int-quantized")), {}),
    ("int8 activations", group(input_activations={
        "num_bits": 8, "type": "int", "symmetric": True, "dynamic": True, "strategy": "token"}), {}),
    ("one scale for all, says the config", weights(strategy="tensor"), {}),
    ("groups of 128, says the config", weights(strategy="group", group_size=128), {}),
    ("actorder group", weights(strategy="group", group_size=32, actorder="group"), {}),
    ("another scheme for q_proj", second_group(["re:.*q_proj$"], strategy="group", group_size=64), {}),
    ("another scheme for down_proj", second_group(["re:.*down_proj$"], strategy="group", group_size=64), {}),
]
GROUPS = [
    ("rows, says the config", weights(strategy="channel", group_size=None), {}),
    ("groups of 64, says the config", weights(group_size=64), {}),
    ("down_proj float and in ignore", both(floated(DOWN), ignore(DOWN)), {}),
]
PLAIN = [
    ("the other format", config(lambda q: q.update(format="pack-quantized")), {}),
    ("no activations", group(input_activations=None), {}),
    ("activations that do not change", inputs(dynamic=False, strategy="tensor"), {}),
    ("activations with one scale", inputs(strategy="tensor"), {"read": {"transformers": "loads"}}),
    ("one scale for all, says the config", weights(strategy="tensor"), {}),
    ("groups, says the config", weights(strategy="group", group_size=32), {}),
    ("compute capability 10.0", lambda folder: None,
     {"cc": 100, "read": {"vllm": "fails", "sglang": "fails"}}),
]
EXPERTS = [
    ("no fault", lambda folder: None, {}),
    ("a name of an expert in ignore", ignore(EXPERT + "w1"), {}),
    ("all names of an expert in ignore", ignore(*(EXPERT + w for w in ("w1", "w2", "w3"))), {}),
    ("experts in ignore by a regex", ignore("re:.*experts.*"), {}),
    ("the experts' parent in ignore", ignore(EXPERT.removesuffix(".0.")), {}),
    ("the router not in ignore", config(lambda q: q.update(ignore=["lm_head"])), {}),
    ("a weight of an expert float", floated(EXPERT + "w2"), {}),
    ("targets without experts", targets("re:.*self_attn.*"), {}),
    ("targets by the names of experts", targets("re:.*proj$", "re:.*w[123]$"), {}),
    ("experts by their class", targets("Linear", "RoutedExperts"), {}),
    ("2 GPUs", lambda folder: None, {"tp": 2}),
]
HEADS = [
    ("a head, Linear alone", targets("Linear"), {}),
    ("a head by a regex", targets("Linear", "re:.*lm_head$"), {}),
    ("a head by its name", targets("Linear", "lm_head"), {}),
    ("a head by its class", targets("Linear", "ParallelLMHead"), {}),
    ("a head in ignore", both(targets("Linear", "re:.*lm_head$"), ignore("lm_head")), {}),
]
TIED = [
    ("no fault", lambda folder: None, {}),
    ("a tied head named", both(targets("Linear", "re:.*lm_head$"),
                               config(lambda q: q.update(ignore=[]))), {}),
    ("gate and up float and in ignore", both(floated(GATE, UP), ignore(GATE, UP)), {}),
    ("q_proj in ignore", ignore(Q), {}),
    ("q, k and v in ignore", ignore(Q, K, V), {}),
]
# (model, target, more options, faults)
BASES = [
    ("llama", "ct-w8a16", (), LISTS + PACKED),
    ("llama", "ct-w8a16-g32", (), GROUPS),
    ("llama", "ct-w8a8", (), LISTS[:6] + PLAIN),
    ("llama", "ct-w8a16", ("--also", "lm_head"), HEADS),
    ("llama", "ct-w8a8", ("--also", "lm_head"), HEADS[:2]),
    ("qwen2", "ct-w8a16", (), LISTS[1:5] + LISTS[27:34]),
    ("tied", "ct-w8a16", (), TIED),
    ("gemma2", "ct-w8a16", (), TIED[:1] + TIED[2:]),
    ("narrow", "ct-w8a16", (), [("no fault", lambda folder: None, {"read": {"sglang": "fails"}})]),
    ("mixtral", "ct-w8a16", (), EXPERTS),
    ("mixtral", "ct-w8a8", (), EXPERTS[:4]),
    ("thin", "ct-w8a16", (), [("no fault", lambda folder: None, {"read": {"sglang": "fails"}})]),
]


def make(name, folder):
    configuration, model_class, more, _ = MODELS[name]
    torch.manual_seed(len(name))
    words = getattr(transformers, configuration)(**{**WORDS, **more})
    model = getattr(transformers, model_class)(words)
    for p in model.parameters():
        if p.dim() > 1:
            torch.nn.init.normal_(p, std=0.15)
    model.to(torch.bfloat16).save_pretrained(folder)


def logits(folder):
    """What transformers computes, and what it said of missing weights."""
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype="auto", output_loading_info=True)
    tokens = torch.arange(3, 35).reshape(2, 16)
    with torch.no_grad():
        out = model.eval()(input_ids=tokens).logits.float()
    return out, info


def by_transformers(folder, truth):
    try:
        out, info = logits(folder)
    except Exception as error:
        return "fails", f"{type(error).__name__}: {str(error)[:120]}"
    error = ((out - truth).norm() / truth.norm()).item()
    if info["missing_keys"] or not error < 0.05:
        return "fails", f"missing {sorted(info['missing_keys'])[:2]}, relative error {error:.2g}"
    return "loads", ""


def run_peers(script, rows, work, *before):
    """The verdicts of a runtime's own code, in the peers' environment; NULL: it is not there."""
    python = Path(os.environ.get("Q8_ORACLE_ENV", Path.home() / ".cache/q8-oracle/env")).with_name(
        "env-peers") / "bin/python"
    jobs = work / "jobs.json"
    jobs.write_text(json.dumps([
        {"out": str(r["folder"]), "class": f"{MODELS[r['model']][3]}:{MODELS[r['model']][1]}",
         "tp": r["tp"], "cc": r["cc"]} for r in rows]))
    done = subprocess.run([str(python), str(HERE / script), *map(str, before), str(jobs)],
                          capture_output=True, text=True, timeout=1800)
    if done.returncode:
        raise ValueError(f"{script}: {done.stderr[-600:]}")
    return json.loads(done.stdout.splitlines()[-1])


def unpack_sglang(work):
    wheel = next(Path(os.environ.get("Q8_WHEELS", "/tmp/wheels")).glob("sglang-0.5.23-*.whl"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(work, [n for n in archive.namelist() if n.startswith("sglang/")])
    return work


def plan(q8, work):
    """Makes every directory; returns the rows."""
    rows, sources = [], {}
    for number, (model, target, more, faults) in enumerate(BASES):
        if model not in sources:
            sources[model] = work / model
            make(model, sources[model])
        base = work / f"base{number}"
        _, problems = convert(q8, target, sources[model], base, *more)
        if problems:
            raise ValueError(f"{model} {target}: {problems}")
        (base / "q8-manifest.json").unlink(missing_ok=True)
        truth = logits(base)[0] if target != "ct-w8a8" or model not in ("mixtral", "thin") else None
        for i, (name, fault, words) in enumerate(faults):
            folder = work / f"base{number}-{i}"
            shutil.copytree(base, folder)
            fault(folder)
            rows.append({"name": f"{model} {target}{' head' if more else ''}: {name}", "model": model,
                         "source": sources[model], "folder": folder, "tp": words.get("tp", 1),
                         "cc": words.get("cc", 80), "read": words.get("read", {}), "truth": truth})
    return rows


def ask_q8(q8, row):
    code, out, err = run_verify(q8, "-q", "--json", "--level=integrity", "--runtime=all",
                                f"--tp={row['tp']}", f"--cc={row['cc'] // 10}.{row['cc'] % 10}",
                                row["source"], row["folder"])
    if code > 1:
        return {r: ("fails", f"exit {code}: {err.strip()[:100]}") for r in READERS}
    report = json.loads(out)
    return {r: (report["runtimes"][r]["verdict"],
                "; ".join(f["text"] for f in report["findings"] if r in f["runtimes"])[:160])
            for r in READERS}


def check(checks, q8, kjv, work):
    rows = plan(q8, work)
    truth = {"vllm": run_peers("runtime_vllm.py", rows, work),
             "sglang": run_peers("runtime_sglang.py", rows, work, unpack_sglang(work / "wheel"))}
    truth["transformers"] = [
        by_transformers(r["folder"], r["truth"]) if r["truth"] is not None else ("fails", "experts")
        for r in rows]
    unknown, faults, how = {}, {}, {}
    for i, row in enumerate(rows):
        answers = ask_q8(q8, row)
        for reader in READERS:
            want, why = truth[reader][i]
            source = "executed"
            if reader in row["read"]:
                want, why, source = row["read"][reader], "read", "read"
            have, text = answers[reader]
            how[reader, source] = how.get((reader, source), 0) + 1
            faults[reader] = faults.get(reader, 0) + (want == "fails")
            if have == "unknown":
                unknown[reader] = unknown.get(reader, 0) + 1
            checks.add(f"runtime {reader} ({source}) {row['name']}: {want}"
                       + (f" ({why[:90]})" if why else "") + (", q8: unknown" if have == "unknown" else ""),
                       [] if have in (want, "unknown") else [f"q8 says {have}: {text}"])
    for reader in READERS:
        print(f"     {reader}: {len(rows)} directories, {faults.get(reader, 0)} that fail, "
              f"{unknown.get(reader, 0)} unknown to q8; executed {how.get((reader, 'executed'), 0)}, "
              f"read {how.get((reader, 'read'), 0)}", flush=True)
