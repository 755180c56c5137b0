"""arch_packed.py - which classes read a Linear's weight in their own code, where packed int8 has none

Two ways: the class's initialization is run over a model whose Linears are packed, as from_pretrained
runs it; and the code of the modules is searched for `self.X.weight`.
"""
import inspect
import re
import textwrap

import torch

READ = re.compile(r"\bself((?:\.\w+|\[0\])*)\.weight\b(\.dtype|\.device)?")
NOT_RUN = {"__init__", "_init_weights", "reset_parameters", "extra_repr", "_tie_weights", "tie_weights",
           "set_output_embeddings", "set_input_embeddings", "_initialize_weights"}
_sources = {}


def reads_of(cls):
    """{(attributes, what of it)} that methods of a class of transformers read from weights of its parts."""
    if cls not in _sources:
        found = set()
        for base in cls.__mro__:
            if not base.__module__.startswith("transformers.models"):
                continue
            for name, method in vars(base).items():
                if inspect.isfunction(method) and name not in NOT_RUN:
                    text = textwrap.dedent(inspect.getsource(method))
                    found |= {(m[1].strip("."), m[2] or "") for m in READ.finditer(text)}
        _sources[cls] = found
    return _sources[cls]


def resolve(module, path):
    for part in filter(None, path.replace("[0]", ".0").split(".")):
        module = getattr(module, part, None)
    return module


def read_weights(modules, linears):
    """{Linear: what of its weight the code of the class reads}, "" being the numbers themselves."""
    names = {id(modules[n]): n for n in linears}
    found = {}
    for module in modules.values():
        for path, what in reads_of(type(module)):
            name = names.get(id(resolve(module, path)))
            if name is not None:
                found[name] = min(found.get(name, what), what)
    return found


def init_fails(model, linears):
    """What the class's initialization complains of when these Linears are packed; spoils the model."""
    for tensor in [*model.parameters(), *model.buffers()]:
        tensor._is_hf_initialized = True
    modules = dict(model.named_modules())
    for name in linears:
        weight = modules[name]._parameters.pop("weight", None)
        if weight is not None:
            packed = torch.nn.Parameter(torch.empty(weight.shape[0], (weight.shape[1] + 3) // 4, device="meta",
                                                    dtype=torch.int32), requires_grad=False)
            packed._is_hf_initialized = True
            modules[name].register_parameter("weight_packed", packed)
    try:
        model.initialize_weights()
    except AttributeError as error:
        return str(error).splitlines()[0]
    return ""
