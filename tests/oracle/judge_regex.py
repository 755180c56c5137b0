"""judge_regex.py - src/pattern/regex.c against Python's own re

    judge_regex.py REGEX [--patterns N] [--seed N]

REGEX is build/tests/oracle/regex.  N (20,000) random patterns, each asked of random texts with re.match
and re.fullmatch: what Python takes must give the same answers or be refused by name, what Python
refuses must be refused.  Prints what differs, and what was refused for which reason; fails if anything
differs.  Then every character against the classes, but for those that Unicode changed meanwhile.
"""
import argparse
import collections
import random
import re
import signal
import subprocess
import sys
import unicodedata
import warnings

ATOMS = ["a", "b", "ab", "0", "1", "_", ".", r"\.", "é", "ß", " ", "#", "-", "/", "]", "}", "{", r"\d", r"\D", r"\w",
         r"\W", r"\s", r"\S", "[ab]", "[^a]", "[a-c0]", r"[\d_]", r"[^\w.]", r"[\W\d]", r"[^\S\n]", r"[\]a-]",
         "[]a]", "[^]a]", "[a-]", "[-a]", "[+--]", "[é-ü]", "(?:ab|a)", "(?:a|b)", "layers", r"model\."]
ODD = ["^", "$", r"\A", r"\Z", r"\b", r"\B", r"\1", r"\2", r"\x61", r"\u0061", r"\U00000061", r"\012", r"\0", r"\101",
       r"\n", r"\t", r"\a", r"[\b]", r"[\101]", "(?#x)", "\n", r"\-", r"\é", "(?P=n)", "(?(1)a|b)", "(?(n)a)", "(?=a)",
       "(?!b)", "(?<=a)", "(?<!b)", "(?<=ab|ba)", "(?<=a{2})", "(?<=a|bc)", "(?>a+)", "(?>a|ab)", "(?i:a)", "(?-i:a)",
       "(?s:.)", "(?m:^a$)", "(?x: a b # c\n)", "(?a:\\w)", "(?i-s:A.)"]
BAD = [r"\K", r"\R", r"\h", r"\Q", r"\E", r"\C", r"\N", r"\G", r"\z", r"\p{L}", r"\X", r"\8", r"\9", "(*ACCEPT)",
       "(*LIMIT_MATCH=1)", "(?R)", "(?1)", "(?&n)", "(?P>n)", "(?<n>a)", "(?'n'a)", "(?|a|b)", "(?C)", "(?C1)", "[[:alpha:]]",
       "[[.a.]]", "[z-a]", r"[\d-a]", "(", ")", "[", "\\", "**", "{2,1}", "(?i)", "(?L)", r"\x6", r"\u00", r"\777",
       "{70000}", r"\g{1}", r"\N{DIGIT ONE}", "(?", "(?P", "(?P<", "(?P<1>a)", "(?<", "(?(", "(?(9)a|b)", "(?(1)a|b|c)"]
REPEATS = ["*", "+", "?", "*?", "+?", "??", "*+", "++", "?+", "{2}", "{1,2}", "{,2}", "{1,}", "{,}", "{}", "{1,2}?",
           "{1,2}+", "{a}", "{0}", "{0,1}"]
LETTERS = "aabb01_..- Aéß²\n"


def any_pattern(r, depth=0):
    text = ""
    for _ in range(r.choice([1, 1, 2, 2, 3, 4])):
        kind = r.random()
        if kind < .2 and depth < 3:
            inner = any_pattern(r, depth + 1)
            text += r.choice(["(", "(", "(?:", "(?P<n>", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?i:"]) + inner + ")"
        elif kind < .75:
            text += r.choice(ATOMS)
        elif kind < .97:
            text += r.choice(ODD)
        else:
            text += r.choice(BAD)
        if r.random() < .3:
            text += r.choice(REPEATS)
        if r.random() < .1:
            text += "|"
    if not depth and r.random() < .1:
        text = r.choice(["(?i)", "(?m)", "(?s)", "(?x)", "(?a)", "(?u)", "(?im)", "(?is)(?m)"]) + text
    if not depth and r.random() < .1:
        at = r.randrange(len(text) + 1)
        text = text[:at] + r.choice("()[]{}*+?|\\^$.:=!<>#a1,-") + text[at + r.choice([0, 1]):]
    return text


def any_text(r):
    return "".join(r.choice(LETTERS) for _ in range(r.choice([1, 1, 2, 3, 4, 6, 9])))


class Late(Exception):
    pass


def late(*_):
    raise Late


def ask(pattern, whole, texts, seconds=1):
    """Python's answers as the program prints them; "-" for no pattern, None when it takes too long."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        compiled = re.compile(pattern)
        one = compiled.fullmatch if whole else compiled.match
        return "".join("01"[one(t) is not None] for t in texts)
    except (re.error, OverflowError, RecursionError):
        return "-"
    except Late:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def put(whole, pattern, texts):
    return " ".join([str(int(whole)), *(t.encode().hex() for t in [pattern, *texts])]) + "\n"


def run(program, rows):
    text = "".join(put(*row) for row in rows)
    return subprocess.run([program], input=text, capture_output=True, text=True, check=True).stdout.splitlines()


def judge_random(program, r, patterns):
    rows = [(r.random() < .5, any_pattern(r), [any_text(r) for _ in range(12)]) for _ in range(patterns)]
    refused, tally, wrong = collections.Counter(), collections.Counter(), 0
    for (whole, pattern, texts), have in zip(rows, run(program, rows), strict=True):
        want = ask(pattern, whole, texts)
        if want is None:
            tally["too long for Python"] += 1
        elif have.startswith("-") and want != "-":
            refused[re.sub(r"\d+|position.*", "", have)] += 1
        elif have.startswith("-"):
            tally["refused by both"] += 1
        elif "s" in have or "t" in have:
            tally["stopped"] += 1
        elif have == want:
            tally["the same answers"] += 1
        else:
            wrong += 1
            if wrong <= 20:
                print(f"{'fullmatch' if whole else 'match'} {pattern!r}: {want}, not {have}; {texts}")
    for reason, count in refused.most_common():
        print(f"{count:6d} refused {reason}")
    print("; ".join(f"{k}: {v}" for k, v in tally.items()))
    return wrong


def judge_classes(program):
    texts = [chr(c) for c in range(1, 0x110000) if not 0xD800 <= c <= 0xDFFF]
    old = unicodedata.ucd_3_2_0
    wrong = 0
    for pattern in [r"\d", r"\D", r"\w", r"\W", r"\s", r"\S", r"[\d]", r"[\W]", r"[\S]", r"[^\W\d]", r"(?a)\w", r"(?a)\W",
                    r"(?a)\s", r"(?a)[\S\D]", ".", r"a|(?<=\b)."]:
        have = run(program, [(True, pattern, texts[i:i + 4096]) for i in range(0, len(texts), 4096)])
        want = ask(pattern, True, texts, 60)
        wrong += sum(a != b and (old.category(t) != "Cn" or ord(t) < 0x3000)
                     for a, b, t in zip("".join(have), want, texts, strict=True))
    print(f"{wrong} characters that classes of Python's take otherwise")
    return wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("regex")
    parser.add_argument("--patterns", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=random.randrange(2**32))
    words = parser.parse_args()
    warnings.filterwarnings("ignore")       # sets that Python will read otherwise one day
    signal.signal(signal.SIGALRM, late)
    wrong = judge_random(words.regex, random.Random(words.seed), words.patterns)
    print(f"{words.patterns} patterns, {wrong} differences; seed {words.seed}")
    return 1 if judge_classes(words.regex) + wrong else 0


sys.exit(main())
