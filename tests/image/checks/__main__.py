# SPDX-License-Identifier: Apache-2.0
"""Makes the checks, and after each puts faults into a copy of the tree to see that it finds them."""
import importlib
import pathlib
import sys
import tempfile
import time
import traceback

from faults import FAULTS
from outcome import Skipped
from tree import Tree

CHECKS = ("crates", "recipes", "fetch", "lint", "packages", "plugins", "units", "policy", "licences")
# What is shown of a check that has found much.
SHOWN = 20


def run(check, tree):
    """The problems that a check finds."""
    with tempfile.TemporaryDirectory(prefix="cwmpd-image-") as work:
        return importlib.import_module(check).check(tree, pathlib.Path(work))


def tell(name, problems, began):
    print(f"{'FAILED' if problems else 'ok':7} {name} ({time.monotonic() - began:.1f} s)", flush=True)
    for problem in problems[:SHOWN]:
        print("        " + problem.replace("\n", "\n        "))


def main(root, binaries, chosen):
    unknown = [name for name in chosen if name not in CHECKS]
    if unknown:
        sys.exit(f"there is no check {' '.join(unknown)}; there are {' '.join(CHECKS)}")
    tree, passed, failed, skipped = Tree(root, binaries), 0, 0, 0
    for check in chosen or CHECKS:
        began = time.monotonic()
        try:
            problems = run(check, tree)
        except Skipped as reason:
            print(f"skipped {check}: {reason}")
            skipped += 1
            continue
        except Exception:
            problems = [traceback.format_exc()]
        tell(check, problems, began)
        failed, passed = failed + bool(problems), passed + (not problems)
    with tempfile.TemporaryDirectory(prefix="cwmpd-image-fault-") as folder:
        copy = None
        for fault in FAULTS:
            if fault.check not in (chosen or CHECKS):
                continue
            copy = copy or tree.copy(folder)
            began = time.monotonic()
            try:
                problems = fault.missed(copy, lambda: run(fault.check, copy))
            except Skipped as reason:
                print(f"skipped {fault}: {reason}")
                skipped += 1
                continue
            except Exception:
                problems = [traceback.format_exc()]
            tell(str(fault), problems, began)
            failed, passed = failed + bool(problems), passed + (not problems)
    print(f"test result: {'FAILED' if failed else 'ok'}. {passed} passed; {failed} failed; {skipped} ignored; 0 measured; 0 filtered out")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3:]))
