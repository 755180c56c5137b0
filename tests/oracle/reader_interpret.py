"""reader_interpret.py - interprets a model class abstractly, from __init__ on: names and statements"""
import ast
import re

from reader_calls import Calls
from reader_source import (
    NONE, OTHER, Class, Const, External, Frame, Function, Items, last, merge, Part)
from reader_values import Values


class Interpreter(Values, Calls):
    """Builds the tree of one class."""

    def __init__(self, wheel):
        self.wheel, self.depth, self.unsure, self.stack, self.memory, self.globals = wheel, 0, 0, [], {}, {}
        self.orders = {}
        self.architectures, self.alive = {}, []

    # -- names

    def lookup(self, frame, name):
        found = frame.find(name)
        return found if found is not None else self.of_home(frame.home, name)

    def of_home(self, home, name):
        key = home.path, name
        if key not in self.globals:
            self.globals[key] = [OTHER]                     # while it is being worked out
            self.globals[key] = self.of_named(home, self.wheel.named(home, name), name)
        return self.globals[key]

    def of_named(self, home, found, name):
        if found is None:
            return [External(name)]
        if isinstance(found, External):
            return [found]
        there, node = found
        if node is None:
            return [there]
        if isinstance(node, ast.ClassDef):
            return [Class(there, node)]
        if isinstance(node, ast.FunctionDef):
            return [Function(there, node)]
        return self.value(node, Frame(there, {}))

    def order(self, cls):
        """The classes whose methods an instance has, nearest first; outside ones are Externals."""
        if cls in self.orders:
            return self.orders[cls]
        found = self.orders[cls] = [cls]
        frame = Frame(cls.home, {}, cls.outer)
        tails = [[base] + (self.order(base)[1:] if isinstance(base, Class) else [])
                 for node in cls.node.bases for base in self.value(node, frame) if isinstance(base, (Class, External))]
        for i, tail in enumerate(tails):
            for base in tail:                               # as Python: one that comes again later waits
                if base not in found and not any(base in later[1:] for later in tails[i + 1:]):
                    found.append(base)
        for tail in tails:
            found += [base for base in tail if base not in found]
        return found

    def member(self, cls, name, after=None):
        """(class, node) of a method or class variable."""
        order = self.order(cls)
        for base in order[order.index(after) + 1 if after in order else 0:]:
            if not isinstance(base, Class):
                continue
            for node in reversed(base.node.body):
                if isinstance(node, ast.FunctionDef) and node.name == name:
                    return base, node
                targets = node.targets if isinstance(node, ast.Assign) else \
                    [node.target] if isinstance(node, ast.AnnAssign) and node.value else []
                if any(isinstance(t, ast.Name) and t.id == name for t in targets):
                    return base, node.value
        return None

    # -- statements

    def run(self, body, frame):
        """True when control does not reach the end."""
        return any(self.statement(node, frame) for node in body)

    def statement(self, node, frame):
        if isinstance(node, ast.Assign):
            values = self.value(node.value, frame)
            for target in node.targets:
                self.assign(target, values, frame)
        elif isinstance(node, ast.AnnAssign) and node.value:
            self.assign(node.target, self.value(node.value, frame), frame)
        elif isinstance(node, ast.AugAssign):
            values = merge(self.value(node.target, frame), self.value(node.value, frame))
            joined = [v for v in values if isinstance(v, Items)]
            if len(joined) > 1:
                values = [Items([i for v in joined for i in v.items], {k: w for v in joined for k, w in v.names.items()})]
            self.assign(node.target, values, frame)
        elif isinstance(node, ast.Expr):
            self.value(node.value, frame)
        elif isinstance(node, ast.Return):
            frame.returned.append(self.value(node.value, frame) if node.value else [NONE])
            return True
        elif isinstance(node, ast.Raise):
            return True
        elif isinstance(node, ast.FunctionDef):
            frame.names[node.name] = [Function(frame.home, node, frame, owner=frame.owner)]
        elif isinstance(node, ast.ClassDef):
            frame.names[node.name] = [Class(frame.home, node, frame)]
        elif isinstance(node, ast.If):
            return self.branch(node, frame)
        elif isinstance(node, (ast.For, ast.While)):
            if isinstance(node, ast.For):
                self.assign(node.target, self.element(self.value(node.iter, frame)), frame)
            self.maybe(node.body, frame)
            self.maybe(node.orelse, frame)
        elif isinstance(node, ast.With):
            for item in node.items:
                found = self.value(item.context_expr, frame)
                if item.optional_vars:
                    self.assign(item.optional_vars, found, frame)
            return self.run(node.body, frame)
        elif isinstance(node, ast.Try):
            ended = self.run(node.body, frame)
            for handler in node.handlers:
                self.maybe(handler.body, frame)
            self.run(node.orelse + node.finalbody, frame)
            return ended and not node.handlers
        elif isinstance(node, ast.Match):
            for case in node.cases:
                self.maybe(case.body, frame)
        return False

    def maybe(self, body, frame):
        """A body that may run or not."""
        before = dict(frame.names)
        self.unsure += 1
        ended = self.run(body, frame)
        self.unsure -= 1
        if ended:
            frame.names = before
        else:
            frame.names = {n: merge(v, before[n]) if n in before else v for n, v in frame.names.items()}
        return ended

    def branch(self, node, frame):
        taken = self.truth(node.test, frame)
        if taken is not None:
            return self.run(node.body if taken else node.orelse, frame)
        before = dict(frame.names)
        self.unsure += 1
        ended = self.run(node.body, frame)
        first, frame.names = frame.names, dict(before)
        other_ended = self.run(node.orelse, frame)
        self.unsure -= 1
        if other_ended:
            frame.names = first
        elif not ended:
            both = frame.names
            frame.names = {n: merge(first.get(n, []), both.get(n, [])) for n in {**first, **both}}
        return ended and other_ended

    def assign(self, target, values, frame):
        if isinstance(target, ast.Name):
            frame.names[target.id] = values
        elif isinstance(target, ast.Attribute):
            for v in self.value(target.value, frame):
                if isinstance(v, Part):
                    self.set_part(v, target.attr, values)
        elif isinstance(target, ast.Subscript):
            keys = [k.value for k in self.value(target.slice, frame) if isinstance(k, Const)]
            for v in self.value(target.value, frame):
                if isinstance(v, Items) and len(keys) == 1:
                    v.names[keys[0]] = values
                elif isinstance(v, Items):
                    v.items.append(values)
        elif isinstance(target, (ast.Tuple, ast.List)):
            for i, t in enumerate(target.elts):
                self.assign(t, self.unpacked(values, i, len(target.elts), t), frame)

    def unpacked(self, values, i, count, target):
        found = []
        for v in values:
            if isinstance(v, Items) and v.exact and len(v.items) == count:
                found = merge(found, v.items[i])
            elif isinstance(v, Items) and v.is_module:      # start, end, layers = make_layers(...), in any order
                found = merge(found, [OTHER] if re.search("start|end", last(target)) else [v])
            elif isinstance(v, Items):
                found = merge(found, self.element([v]))
            else:
                found = merge(found, [OTHER])
        return found or [OTHER]
