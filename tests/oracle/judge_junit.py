"""judge_junit.py - q8-verify's JUnit XML against the schema of Jenkins' xunit plugin

The files are those of build/tests/browser/fakereport: every kind of case, names that no XML may
hold.  The schema is junit-10.xsd as pytest's sdist carries it.
"""
import io
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from lxml import etree

SDIST = "pytest==9.2.0"
SCHEMA = "testing/example_scripts/junit-10.xsd"


def load_schema(work):
    """Fetches the sdist into `work`: nothing of it is installed."""
    subprocess.run([sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary",
                    ":all:", "-d", str(work), SDIST], check=True)
    with tarfile.open(next(Path(work).glob("pytest-*.tar.gz"))) as sdist:
        member = next(name for name in sdist.getnames() if name.endswith(SCHEMA))
        return etree.XMLSchema(etree.parse(io.BytesIO(sdist.extractfile(member).read())))


def judge_file(schema, fakereport, verdict, layers):
    done = subprocess.run([str(fakereport), "junit", verdict, str(layers)], capture_output=True)
    if done.returncode:
        return [f"exit {done.returncode}: {done.stderr.decode(errors='replace')}"]
    root = etree.fromstring(done.stdout)
    problems = [] if schema.validate(root) else [str(error) for error in schema.error_log]
    suite = root.find("testsuite")
    cases = suite.findall("testcase")
    failed = [case for case in cases if case.find("failure") is not None]
    for where in (root, suite):
        counts = int(where.get("tests")), int(where.get("failures")), int(where.get("errors"))
        if counts != (len(cases), len(failed), 0):
            problems.append(f"<{where.tag}> says {counts}, not {len(cases)}, {len(failed)}, 0")
    keys = {(case.get("classname"), case.get("name")) for case in cases}
    if len(keys) != len(cases):
        problems.append(f"{len(cases)} cases of {len(keys)} names")
    if bool(failed) != (verdict == "fail"):
        problems.append(f"{len(failed)} failures of a run that is to {verdict}")
    return problems


def judge_wrong(schema):
    """That the schema says no to what is wrong."""
    wrong = etree.fromstring('<testsuites><testsuite name="x" tests="1" failures="0" errors="0">'
                             '<testcase classname="a"/></testsuite></testsuites>')
    return ["a case without a name passes"] if schema.validate(wrong) else []


def check(checks, q8, _, work):
    fakereport = q8.parents[1] / "tests/browser/fakereport"
    with tempfile.TemporaryDirectory(dir=work) as folder:
        schema = load_schema(folder)
    checks.attempt("junit: the schema refuses a case without a name", judge_wrong, schema)
    for verdict in ("pass", "fail"):
        checks.attempt(f"junit: {verdict}", judge_file, schema, fakereport, verdict, 80)
