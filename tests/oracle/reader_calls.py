"""reader_calls.py - what a call of the source may give: a function, a class that builds modules, a helper"""
import ast
import re

from reader_source import (
    CARRIER, CARRIERS, DEEP, NO_MODEL, NONE, OTHER, QUANT, Class, Const, External, Frame, Function,
    Items, last, Mark, mark, merge, no_class, Part, Partial)

LINEARS = ("/layers/linear.py", "/layers/vocab_parallel_embedding.py", "/fused_moe_triton/layer.py")
LEAVES = {"LinearBase": "linear", "ParallelLMHead": "head", "VocabParallelEmbedding": "embed", "FusedMoE": "experts"}
# Where modules are built; what lies elsewhere computes.
ROOMS = re.compile(r"(vllm/models|vllm/model_executor/(models|layers)|sglang/srt/(models|layers))/(?!.*(quantization|backend|kernel))")
THE_SAME = {"to", "cuda", "half", "eval", "float", "bfloat16", "train", "requires_grad_", "maybe_torch_compile", "torch_compile",
            "deepcopy", "cast", "support_torch_compile", "checkpoint_wrapper", "list", "tuple", "set", "reversed", "iter", "next",
            "values", "items", "maybe_offload_to_cpu", "wrap_modules", "get_layer", "keys", "compile"}


def inside(path):
    return ROOMS.match(path) is not None


class Calls:
    """The calls; self is the whole interpreter."""

    def value_Call(self, node, frame):
        name = last(node.func)
        if name == "super":
            return [OTHER]
        args, words, more = [], {}, False
        for a in node.args:
            if isinstance(a, ast.Starred):
                spread = self.value(a.value, frame)
                known = [v for v in spread if isinstance(v, Items)]
                for v in known:
                    args += v.items
                more = more or not known
            else:
                args.append(self.value(a, frame))
        for k in node.keywords:
            if k.arg:
                words[k.arg] = self.value(k.value, frame)
            else:
                known = [v for v in self.value(k.value, frame) if isinstance(v, Items)]
                for v in known:
                    words = {**v.names, **words}
                more = more or not known
        if more:
            words[None] = [OTHER]
        special = getattr(self, "call_" + name, None)
        if special:
            return special(node, frame, args, words)
        if name == "get_name" and not args:
            return [OTHER]
        if isinstance(node.func, ast.Attribute) and name in ("append", "extend", "insert", "add_module", "register_module", "update",
                                                              "setdefault", "__setitem__", "register_modules"):
            return self.put(node, frame, name, args)
        if name in ("get", "pop") and isinstance(node.func, ast.Attribute) and args:
            table = [v for v in self.value(node.func.value, frame) if isinstance(v, Items)]
            if table:
                return merge(self.element(table), *args[1:])
        found = []
        for f in self.value(node.func, frame):
            found = merge(found, self.apply(f, args, words))
        if found in ([], [OTHER]) and name in THE_SAME:
            whole = self.value(node.func.value, frame) if isinstance(node.func, ast.Attribute) else args[0] if args else [OTHER]
            found = whole if whole and not all(isinstance(v, External) for v in whole) else args[0] if args else [OTHER]
        return found or [OTHER]

    def put(self, node, frame, name, args):
        for v in self.value(node.func.value, frame):
            if isinstance(v, Items) and args:
                given = args[-1]
                if name in ("extend", "update"):
                    for w in given:
                        if isinstance(w, Items):
                            v.items += w.items
                            v.names.update(w.names)
                elif given not in v.items:
                    v.items.append(given)
                v.exact = False
            elif isinstance(v, Part) and len(args) == 2:
                self.set_part(v, args[0][0].value if isinstance(args[0][0], Const) else "*", args[1])
        return [OTHER]

    def call_getattr(self, node, frame, args, words):
        names = [k.value for k in args[1] if isinstance(k, Const)] if len(args) > 1 else []
        found = []
        for v in args[0]:
            found = merge(found, self.attribute(v, names[0]) if len(names) == 1 else [OTHER])
        return merge(found, args[2]) if len(args) > 2 and OTHER in found and QUANT not in found else found

    def call_setattr(self, node, frame, args, words):
        for v in args[0] if len(args) == 3 else []:
            if isinstance(v, Part):
                self.set_part(v, args[1][0].value if isinstance(args[1][0], Const) else "*", args[2])
        return [OTHER]

    def call_type(self, node, frame, args, words):
        return [v.made_of for v in args[0] if isinstance(v, Part) and v.made_of] if len(args) == 1 else [OTHER]

    def call_partial(self, node, frame, args, words):
        return [Partial(v, args[1:], words) for v in args[0]] if args else [OTHER]

    def call_make_layers(self, node, frame, args, words):
        given = words.get("layer_fn") or (args[1] if len(args) > 1 else [])
        return [Items([merge(*(self.apply(f, [[OTHER], [OTHER]], {"prefix": [OTHER]}) for f in given))], is_module=True)]

    call_make_layers_non_pp = call_make_pp_layers = call_make_layers

    def call_enumerate(self, node, frame, args, words):
        return [Items([[Items([[OTHER], self.element(args[0])], exact=True)]])]

    def call_zip(self, node, frame, args, words):
        return [Items([[Items([self.element(a) for a in args], exact=True)]])]

    def call_range(self, node, frame, args, words):
        return [OTHER]

    def call_isinstance(self, node, frame, args, words):
        return [OTHER]

    def call_init_vllm_registered_model(self, node, frame, args, words):
        part = Part(kind="model")
        names = self.element(words.get("architectures", [OTHER]))
        part.text = [n.value for n in names if isinstance(n, Const) and isinstance(n.value, str)]
        known = [self.architectures[n] for n in part.text if n in self.architectures]
        if known and len(known) == len(part.text):
            return merge(*(self.apply(c, [], {"vllm_config": [CARRIER], "prefix": [OTHER]}) for c in known))
        return [part]

    def call__get_sgl_model_cls(self, node, frame, args, words):
        return [Mark("chosen")]                             # which class: the registry's answer for the config

    def call_get_draft_quant_config(self, node, frame, args, words):
        return [QUANT]

    call_initialize_model = call_get_model = call_init_vllm_registered_model

    def call_FusedMoEFactory(self, node, frame, args, words):
        return [Part(kind="experts", quant=self.given(words, "quant_config"))]

    call_fused_moe_factory = call_FusedMoEFactory

    def given(self, words, name):
        return words.get(name, [QUANT] if None in words else [NONE])

    def apply(self, f, args, words):
        if self.depth > DEEP:
            return [OTHER]
        if isinstance(f, Partial):
            return self.apply(f.inner, f.args + args, {**f.words, **words})
        if f is CARRIER:
            return [CARRIER]
        if isinstance(f, Mark) and f.word == "chosen":
            return [Part(kind="model")]
        if isinstance(f, Class):
            return self.construct(f, args, words)
        if isinstance(f, Function):
            return self.call_function(f, args, words)
        if isinstance(f, External):
            return self.call_external(f.name, args, words)
        return [OTHER]

    def call_external(self, name, args, words):
        words_of = name.split(".")
        leaf = words_of[-1]
        if words_of[0] in ("torch", "nn") or name in ("Linear", "ModuleList", "Sequential"):
            if leaf in ("Linear", "NonDynamicallyQuantizableLinear"):
                return [Part(kind="linear", quant=[NONE])]
            if leaf in ("ModuleList", "Sequential", "ModuleDict"):
                return [self.module_list(args)]
            if leaf in ("MultiheadAttention", "TransformerEncoderLayer", "TransformerEncoder", "Bilinear", "LSTM"):
                return [Part(kind="plain")]
            return [Part()] if leaf[:1].isupper() else args[0] if leaf in ("deepcopy", "compile") and args else [OTHER]
        if leaf == "deepcopy" and args:
            return args[0]
        if leaf == "OrderedDict":
            return [self.module_list(args)]
        if words_of[0] in ("transformers", "timm", "open_clip", "diffusers", "fla", "whisper", "peft", "terratorch"):
            classes = [w for w in words_of[1:] if not no_class(w)]
            if classes and not any(w.endswith(NO_MODEL) for w in words_of) or leaf == "create_model":
                return [Part(kind="plain")]
        return [OTHER]

    def module_list(self, args):
        made = Items(is_module=True)
        for values in args:
            for v in values:
                if isinstance(v, Items):
                    made.names.update(v.names)
                    for item in v.items:
                        pairs = [p for p in item if isinstance(p, Items) and p.exact and len(p.items) == 2 and
                                 all(isinstance(k, Const) for k in p.items[0])]
                        for p in pairs:
                            made.names[p.items[0][0].value] = p.items[1]
                        rest = [p for p in item if p not in pairs]
                        if rest:
                            made.items.append(rest)
                elif isinstance(v, Part):
                    made.items.append([v])
        return made

    def bind(self, function, args, words, frame):
        """Names of the parameters: what is given, else the default."""
        spec = function.node.args
        names = [a.arg for a in spec.posonlyargs + spec.args]
        home = Frame(function.home, {}, function.frame)
        if function.bound is not None and names:
            args = [[function.bound]] + args
        found = {}
        for name, default in zip(names[len(names) - len(spec.defaults):], spec.defaults):
            found[name] = self.value(default, home)
        for a, default in zip(spec.kwonlyargs, spec.kw_defaults):
            found[a.arg] = self.value(default, home) if default else [OTHER]
        for name in names:
            found.setdefault(name, [OTHER])
        if None in words:
            for name in found:
                if name in CARRIERS:
                    found[name] = [QUANT]
                if name == "vllm_config":
                    found[name] = [CARRIER]
        found.update(zip(names, args))
        if spec.vararg:
            found[spec.vararg.arg] = [Items(args[len(names):], exact=True)]
        rest = {}
        for name, values in words.items():
            if name is not None:
                (found if name in found else rest)[name] = values
        if spec.kwarg:
            found[spec.kwarg.arg] = [Items([], rest)] if None not in words else [OTHER]
        return found

    def call_function(self, function, args, words):
        if self.depth > DEEP or sum(1 for f in self.stack if f is function.node) > 1:
            return [OTHER]
        if not isinstance(function.node, (ast.FunctionDef, ast.Lambda)) or not inside(function.home.path):
            return [OTHER]
        names = self.bind(function, args, words, None)
        receiver = [function.bound] if function.bound is not None else None
        if receiver is None and function.owner and args:
            receiver = args[0]
        frame = Frame(function.home, names, function.frame, function.owner, receiver)
        if function.frame is not None and frame.receiver is None:
            frame.receiver = function.frame.receiver
        self.depth += 1
        self.stack.append(function.node)
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, frame)
            self.run(function.node.body, frame)
            return merge(*frame.returned) or [NONE]
        finally:
            self.stack.pop()
            self.depth -= 1

    # -- instances

    def construct(self, cls, args, words):
        order = self.order(cls)
        key = (cls, tuple(frozenset(map(mark, a)) for a in args),
               tuple(sorted((str(n), tuple(sorted(map(mark, v)))) for n, v in words.items())))
        if key in self.memory:
            return self.memory[key]
        if sum(1 for f in self.stack if f is cls.node) > 1 or self.depth > DEEP:
            return [OTHER]
        if not inside(cls.home.path):
            return [Part(cls)]
        leaf = self.leaf_kind(order)
        self.alive.append((args, words))                    # so that no id in a key comes again
        new = self.member(cls, "__new__")
        self.depth += 1
        self.stack.append(cls.node)
        unsure, self.unsure = self.unsure, 0
        try:
            if new and isinstance(new[1], ast.FunctionDef):
                made = self.call_function(Function(new[0].home, new[1], new[0].outer, cls, new[0]), args, words)
                parts = [v for v in made if isinstance(v, Part) and v.made_of and v.made_of != cls]
                if parts:
                    self.memory[key] = parts
                    return parts
            part = Part(cls)
            part.kind = leaf or ""
            self.memory[key] = [part]
            init = self.member(cls, "__init__")
            if init and isinstance(init[1], ast.FunctionDef):
                self.call_init(Function(init[0].home, init[1], init[0].outer, part, init[0]), args, words)
            elif not init:
                for name, values in words.items():          # a dataclass
                    if name:
                        part.parts[name] = values
            if any(isinstance(base, External) and base.name.startswith("transformers.") and base.name.endswith(("Model", "ForCausalLM"))
                   and not base.name.endswith("PreTrainedModel") for base in order) and not leaf:
                part.kind = "plain"
            return [part]
        finally:
            self.unsure = unsure
            self.stack.pop()
            self.depth -= 1

    def leaf_kind(self, order):
        """What the runtime's own layer is that the class derives from, or None."""
        for base in order:
            if isinstance(base, Class) and base.name in LEAVES and base.home.path.endswith(LINEARS):
                return LEAVES[base.name]
        return None

    def call_init(self, function, args, words):
        """A constructor; one of the runtime's own layers is asked only for its quant_config."""
        if function.owner.home.path.endswith(LINEARS):
            names = self.bind(function, args, words, None)
            part = function.bound
            if not part.quant:
                part.quant = tuple(names.get("quant_config") or self.given(words, "quant_config"))
            return [NONE]
        return self.call_function(function, args, words)

    def call___init__(self, node, frame, args, words):
        """super().__init__(...) or Base.__init__(self, ...)."""
        for f in self.value(node.func, frame):
            if not isinstance(f, Function):
                continue
            if f.bound is None and args:
                for receiver in args[0]:
                    if isinstance(receiver, Part):
                        self.call_init(Function(f.home, f.node, f.frame, receiver, f.owner), args[1:], words)
            elif isinstance(f.bound, Part):
                self.call_init(f, args, words)
        return [NONE]

    def set_part(self, part, name, values):
        if self.unsure and name in part.parts or name == "*":
            part.parts[name] = merge(part.parts.get(name, []), values)
        else:
            part.parts[name] = values
