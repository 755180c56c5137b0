"""judge_jobs.py - the CI jobs of the README against the schemas of GitHub and GitLab, and run here

The schemas are those that check-jsonschema carries; the commands are those of the blocks, with the
q8 of the build first in PATH.  The services themselves are not at hand.
"""
import os
import re
import subprocess
import sys
from pathlib import Path

from ruamel.yaml import YAML

README = Path(__file__).resolve().parents[2] / "README.md"
SCHEMAS = {".github/workflows/int8.yml": "vendor.github-workflows",
           ".gitlab-ci.yml": "vendor.gitlab-ci"}


def blocks():
    """{file name: text} of the README's yaml blocks, which name their file in the first line."""
    found = re.findall(r"^```yaml\n# (\S+)\n(.*?)^```$", README.read_text(), re.M | re.S)
    return dict(found)


def judge_schema(text, schema, work):
    path = work / "job.yml"
    path.write_text(text)
    done = subprocess.run([sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema,
                           str(path)], capture_output=True, text=True)
    return [done.stdout.strip() or done.stderr.strip()] if done.returncode else []


def commands(text):
    job = YAML(typ="safe").load(text)
    if "jobs" in job:
        return [step["run"] for step in job["jobs"]["int8"]["steps"] if "run" in step]
    return job["int8"]["script"]


def judge_run(text, q8, model, folder):
    """Runs the job twice: on a good model, then on one that is worse than its baseline."""
    folder.mkdir()
    (folder / "model").symlink_to(model)
    thresholds = re.search(r"^    # thresholds.txt.*?(?=\n\n)", README.read_text(), re.M | re.S)
    (folder / "thresholds.txt").write_text(re.sub("^    ", "", thresholds[0], flags=re.M) + "\n")
    env = {**os.environ, "PATH": f"{q8.parent}:{os.environ['PATH']}"}

    def run(command):
        return subprocess.run(["bash", "-e", "-c", command], cwd=folder, env=env,
                              capture_output=True, text=True)

    setup = run("q8-convert -q model first && "
                "q8-verify -q model first --write-baseline=base.json")
    problems = [setup.stderr] if setup.returncode else []
    for command in commands(text):
        done = run(command)
        problems += [f"{command}: exit {done.returncode}: {done.stderr}"] if done.returncode else []
    if not (folder / "q8.xml").stat().st_size:
        problems.append("no q8.xml")
    base = (folder / "base.json").read_text()
    (folder / "base.json").write_text(re.sub(r'"weights_sqnr_db": (\d+)',
                                             lambda m: f'"weights_sqnr_db": {int(m[1]) + 9}', base))
    done = run(commands(text)[-1])
    return problems + ([] if done.returncode == 1 else [f"worse than the baseline: exit "
                                                        f"{done.returncode}"])


def check(checks, q8, model, work):
    found = blocks()
    checks.add("jobs: the README has both", [f for f in SCHEMAS if f not in found])
    for name, schema in SCHEMAS.items():
        checks.attempt(f"jobs: {name} fits its schema", judge_schema, found[name], schema, work)
        checks.attempt(f"jobs: {name} runs, and fails when it should", judge_run, found[name], q8,
                       model, work / schema)
