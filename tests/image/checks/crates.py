# SPDX-License-Identifier: Apache-2.0
"""The crates that BitBake fetches are those of the lock file, with their checksums."""
import subprocess
import sys


def check(tree, _work):
    problems = []
    for lock, include in tree.locks():
        run = subprocess.run([sys.executable, tree.path("yocto/crates"), "--check", lock, include], text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if run.returncode != 0:
            lines = run.stdout.splitlines()
            problems += lines[:5] + lines[-1:]
    return problems
