"""arch_facts.py - what the real libraries say of one model class: names in the file, and which become int8

A class is built from its default config on the meta device, where it takes no memory.  Its
weights have two sets of names: those of its modules (`state`), and those that save_pretrained
writes, which are the hub's (`file`).  q8 must be right for both.
"""
import copy
import importlib
import json
import os
import re
import warnings
from pathlib import Path

os.environ.update(CUDA_VISIBLE_DEVICES="", HF_HUB_OFFLINE="1", TRANSFORMERS_VERBOSITY="error",
                  BITSANDBYTES_NOWELCOME="1")

import logging

warnings.filterwarnings("ignore")
logging.disable(logging.ERROR)

import bitsandbytes
import torch
import transformers
from compressed_tensors.utils.match import match_named_modules
from transformers import BitsAndBytesConfig
from transformers import core_model_loading as loading
from transformers.integrations.bitsandbytes import replace_with_bnb_linear
from transformers.modeling_utils import remove_tied_weights_from_state_dict
from transformers.pytorch_utils import Conv1D
from transformers.quantizers.base import HfQuantizer, get_keys_to_not_convert
from transformers.quantizers.quantizers_utils import should_convert_module

from common import ROUTERS

CLASSES = Path(__file__).resolve().with_name("classes.txt")

FUSED_EXPERTS = re.compile(r"\.experts\.(gate_up_proj|down_proj)$")


def classes():
    """
    (model_type, class name, changes ...) of the 1,424 classes that build from their default config, and of
    those that other words of it build otherwise: "two_stage=true".
    """
    return [tuple(line.split()) for line in CLASSES.read_text().splitlines()]


def changed(changes):
    """Words of a config; a backbone_config is a model type, one that does not need timm."""
    words = dict(change.split("=") for change in changes)
    backbone = words.pop("backbone_config", None)
    words = {key: json.loads(value) for key, value in words.items()}
    if backbone:
        words["backbone_config"] = transformers.CONFIG_MAPPING[backbone](
            out_features=["stage2", "stage3", "stage4"])
    return words


def default_config(kind, cls, changes=()):
    """The config that the class builds from; some class wants the text part of its type's config."""
    config = transformers.CONFIG_MAPPING[kind](**changed(changes))
    wanted = getattr(cls, "config_class", None)
    if wanted and not isinstance(config, wanted) and hasattr(config, "get_text_config"):
        text = config.get_text_config()
        if isinstance(text, wanted):
            return text
    return config


def find_class(kind, name):
    cls = getattr(transformers, name, None)
    if cls is None:
        home = transformers.CONFIG_MAPPING[kind].__module__
        cls = getattr(importlib.import_module(home.replace("configuration_", "modeling_")), name)
    return cls


for module in (torch.nn.Linear, torch.nn.Embedding, torch.nn.Conv1d, torch.nn.Conv2d):
    module.reset_parameters = lambda self: None    # there are no numbers to set


def build(kind, name, changes=()):
    """The model on the meta device; `changes` are words of its config, "two_stage=true"."""
    cls = find_class(kind, name)
    config = default_config(kind, cls, changes)
    with torch.device("meta"):
        model = cls(config)
    model.config.architectures = [name]
    return model


def file_tensors(model, state):
    """{name in the file: (tensor, names in the state that it is made of)}, as save_pretrained names it."""
    made_of = {id(t): [n] for n, t in state.items()}
    alive = []
    plain = loading.WeightConverter.convert

    def convert(self, *args, **kwargs):
        sources = sorted(set().union(*self.layer_targets.values()))
        result = plain(self, *args, **kwargs)
        for value in result.values():
            value = value[0] if isinstance(value, list) else value
            alive.append(value)
            if id(value) not in made_of or self.operations:
                made_of[id(value)] = sources
        return result

    loading.WeightConverter.convert = convert
    try:
        tensors = loading.revert_weight_conversion(model, dict(state))
    finally:
        loading.WeightConverter.convert = plain
    return {name: (t, made_of[id(t)]) for name, t in tensors.items()}


class Facts:
    """One class: `state` and `file` map tensor names to shapes; the sets hold module names of the class."""

    def __init__(self, kind, name, changes=()):
        self.kind, self.name = kind, name
        model = build(kind, name, changes)
        self.config = model.config
        self.modules = dict(model.named_modules())
        state = remove_tied_weights_from_state_dict(model.state_dict(), model)
        self.state = {n: (list(t.shape), [n]) for n, t in state.items()}
        self.file = {n: (list(t.shape), made) for n, (t, made) in
                     file_tensors(model, state).items()}
        self.skip = get_keys_to_not_convert(model)
        self.keep = list(model._keep_in_fp32_modules or [])
        self.linear = {n for n, m in self.modules.items() if type(m) is torch.nn.Linear}
        self.conv1d = {n for n, m in self.modules.items() if isinstance(m, Conv1D)}
        self.targets = {n for n, _ in match_named_modules(model, ["Linear"], [])}
        self.embeddings = {n for n, m in self.modules.items()
                           if isinstance(m, torch.nn.Embedding)}
        self.heads = {n for n in self.targets | self.conv1d
                      if not should_convert_module(n, self.skip)}
        ignore = sorted(self.heads) + ROUTERS
        self.ct = {n for n, _ in match_named_modules(model, ["Linear"], ignore)}
        self.routers = self.targets - self.heads - self.ct
        self.transposed = {n for n, m in self.modules.items()
                           if getattr(m, "is_transposed", False)}
        self.bnb = self.replaced(model, None)
        self.model = model

    def replaced(self, model, skip):
        """What replace_with_bnb_linear converts with that skip list (None: the default one)."""
        skips = HfQuantizer.get_modules_to_not_convert(model, skip, model._keep_in_fp32_modules)
        config = BitsAndBytesConfig(load_in_8bit=True)
        twin = copy.copy(model)     # replacing changes only the tree of modules, kept below
        tree = {n: dict(m._modules) for n, m in self.modules.items()}
        try:
            replace_with_bnb_linear(twin, skips, config)
            return {n for n, m in twin.named_modules()
                    if isinstance(m, bitsandbytes.nn.Linear8bitLt)}
        finally:
            for n, m in self.modules.items():
                m._modules.update(tree[n])

    def truth(self, shape, sources, name):
        """The kind of one tensor, in q8's words."""
        if len(shape) != 2 or not name.endswith(".weight"):
            return "OTHER"
        modules = {s.removesuffix(".weight") for s in sources if s.endswith(".weight")}
        if not modules or len(modules) < len(sources):
            fused = any(len(self.state[s][0]) == 3 for s in sources if s in self.state)
            return "EXPERT" if fused and re.search(r"\.\d+\.", name) else "OTHER"
        kinds = {self.module_kind(m) for m in modules}
        return kinds.pop() if len(kinds) == 1 else "MIXED"

    def module_kind(self, module):
        if module in self.heads:
            return "HEAD"
        if module in self.routers:
            return "LINEAR_ROUTER" if module in self.bnb else "ROUTER"
        if module in self.conv1d:
            return "CONV1D" if module in self.bnb else "KEEP"
        if module in self.bnb:
            return "LINEAR"
        if module in self.linear:
            return "KEEP"
        if module in self.targets:
            return "SUBLINEAR"
        return "EMBEDDING" if module in self.embeddings else "OTHER"

    def named_heads(self):
        """Heads that the class has whatever its number of layers; a tied one is not in the file."""
        return sorted(n for n in self.heads if not any(part.isdigit() for part in n.split(".")))

    def moved(self):
        """{path: {SAME or MOVED: [module of the file, ...]}}: whether a Linear has its name in memory too."""
        found = {}
        for space in (self.state, self.file):
            for name, (shape, sources) in space.items():
                module = name.removesuffix(".weight")
                if module == name or len(shape) != 2 or not self.targets & {
                        s.removesuffix(".weight") for s in sources}:
                    continue
                path = ".".join("#" if part.isdigit() else part for part in module.split("."))
                found.setdefault(path, {}).setdefault(
                    "SAME" if module in self.modules else "MOVED", []).append(module)
        return found

    def splits(self):
        """Whether the file's fused experts lie as llm-compressor splits them: [E, 2 * I, H], gate above up."""
        gates = [n for n in self.file if FUSED_EXPERTS.search(n) and n.endswith("gate_up_proj")]
        kinds = [m for m in self.modules.values() if hasattr(m, "gate_up_proj")]
        return bool(gates) and all(self.rows_first(n) for n in gates) and not any(
            getattr(m, "is_transposed", False) or not getattr(m, "is_concatenated", True)
            for m in kinds)

    def rows_first(self, gate_up):
        gate, down = self.file[gate_up][0], self.file[gate_up.replace("gate_up_proj", "down_proj")][0]
        return len(gate) == 3 and gate[2] == down[1] and gate[1] == 2 * down[2]
