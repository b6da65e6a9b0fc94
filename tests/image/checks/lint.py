# SPDX-License-Identifier: Apache-2.0
"""oelint-adv has nothing to say, for any release."""
import pathlib
import subprocess
import sys

import bitbake

RULES = pathlib.Path(__file__).resolve().parent.parent / "oelint.json"
# Rules that are not ours, each with its reason.
SUPPRESSED = {
    "oelint.vars.homepageping": "asks the network",
    "oelint.var.bbclassextend": "nobody needs an agent on a build host",
    "oelint.var.suggestedvar.AUTHOR": "the repository says it",
    "oelint.var.filesoverride": "a package that a recipe makes itself has no FILES before",
    "oelint.task.docstrings": "takes every function for a task",
}


def check(tree, _work):
    # Appends of different layers are never read together.
    layers = [sorted(folder.glob("recipes-*/*/*.bbappend")) for folder in sorted(tree.layer.glob("dynamic-layers/*"))]
    sets = [sorted(tree.layer.glob("recipes-*/*/*.bb")) + appends for appends in layers]
    sets.append(sorted(tree.example_layer.glob("recipes-*/*/*.bb")))
    problems = set()
    command = [pathlib.Path(sys.executable).parent / "oelint-adv", "--quiet", "--constantmods", f"+{RULES}"]
    for rule in SUPPRESSED:
        command += ["--suppress", rule]
    for release in bitbake.RELEASES:
        for files in sets:
            run = subprocess.run([*command, "--release", release, *files], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            said = run.stdout.replace(f"{tree.root}/", "").splitlines()
            problems.update(said)
            if run.returncode != 0 and not said:
                problems.add(f"oelint-adv ended with {run.returncode}")
    return sorted(problems)
