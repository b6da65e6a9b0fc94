# SPDX-License-Identifier: Apache-2.0
"""Every crate that may get into an image, or into a team's plugin, has a licence that deny.toml allows."""
import json
import subprocess
import tomllib


def check(tree, work):
    rules = tomllib.loads(tree.text("deny.toml"))["licenses"]
    allowed = set(rules["allow"])
    exceptions = {rule["crate"]: set(rule["allow"]) for rule in rules.get("exceptions", [])}
    problems = []
    kit = f'patch.crates-io.cwmp-plugin-sdk.path="{tree.path("plugins/sdk")}"'
    for lock, _ in tree.locks():
        configuration = [] if lock.parent == tree.root else ["--config", kit]
        run = subprocess.run(["cargo", "metadata", "--format-version", "1", "--locked", "--all-features", *configuration],
                             cwd=lock.parent, env=_environment(work), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if run.returncode != 0:
            problems.append(f"{lock.relative_to(tree.root)}: {run.stderr.strip()[-500:]}")
            continue
        for package in json.loads(run.stdout)["packages"]:
            fine = allowed | exceptions.get(package["name"], set())
            if not package["license"]:
                problems.append(f"{package['name']} {package['version']} does not say its licence")
            elif not is_allowed(package["license"], fine):
                problems.append(f"{package['name']} {package['version']} is under {package['license']}")
    return sorted(set(problems))


def _environment(work):
    import os
    return os.environ | {"CARGO_TARGET_DIR": str(work / "target")}


def is_allowed(expression, allowed):
    """Whether an expression of SPDX is satisfied. AND binds tighter than OR, of which a slash is an old way to write it."""
    words = expression.replace("/", " OR ").replace("(", " ( ").replace(")", " ) ").split()

    def either():
        result = both()
        while words and words[0] == "OR":
            words.pop(0)
            # Both sides are always read.
            result = both() or result
        return result

    def both():
        result = one()
        while words and words[0] == "AND":
            words.pop(0)
            result = one() and result
        return result

    def one():
        if words[0] == "(":
            words.pop(0)
            result = either()
            words.pop(0)
            return result
        name = words.pop(0)
        if words and words[0] == "WITH":
            name = f"{name} WITH {words[1]}"
            del words[:2]
        return name in allowed

    return either() and not words
