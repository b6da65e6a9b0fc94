# SPDX-License-Identifier: Apache-2.0
"""What do_install of a recipe makes of what is built, and which package gets which file of it."""
import fnmatch
import os
import pathlib

import bitbake


class Installed:
    """The files of cwmpd for one release and image, as its recipe installs them."""

    def __init__(self, tree, work, release="wrynose", others=(), settings=()):
        build = bitbake.Build(tree, release, work, others, settings)
        self.data = build.recipe("cwmpd")
        # Where it is unpacked and built, it is already.
        source = pathlib.Path(self.data.getVar("S"))
        source.parent.mkdir(parents=True, exist_ok=True)
        source.symlink_to(tree.root)
        output = pathlib.Path(self.data.getVar("B"), "target", self.data.getVar("CARGO_TARGET_SUBDIR"))
        output.parent.mkdir(parents=True)
        output.symlink_to(tree.binaries)
        self.owners = _owners_noted(self.data, work)
        uris = [uri for uri in self.data.getVar("SRC_URI").split() if uri.startswith("file://")]
        if uris:
            build.fetch(self.data, uris, self.data.getVar("UNPACKDIR") or self.data.getVar("WORKDIR"))
        build.run(self.data, "do_install")
        self.root = pathlib.Path(self.data.getVar("D"))

    def owner_changes(self):
        """The calls of chown, which only root could make."""
        return self.owners.read_text().splitlines() if self.owners.exists() else []

    def packages(self):
        return split(self.data, self.root)


def split(data, root):
    """The files of each package, and under None those of no package. The first package that wants a file gets it."""
    left = sorted(path for path in root.rglob("*") if not path.is_dir() or path.is_symlink() or not any(path.iterdir()))
    packages = {}
    for package in data.getVar("PACKAGES").split():
        patterns = (data.getVar("FILES:" + package) or "").split()
        own = [path for path in left if any(_matches("/" + str(path.relative_to(root)), pattern) for pattern in patterns)]
        packages[package] = sorted("/" + str(path.relative_to(root)) for path in own)
        left = [path for path in left if path not in own]
    packages[None] = ["/" + str(path.relative_to(root)) for path in left]
    return packages


def _matches(path, pattern):
    """As do_package does it: a folder stands for everything in it, and a star for no slash."""
    parts, wanted = path.strip("/").split("/"), pattern.strip("/").split("/")
    return len(parts) >= len(wanted) and all(map(fnmatch.fnmatchcase, parts, wanted))


def _owners_noted(data, work):
    """In the place of chown stands a program that writes down what it was asked."""
    programs = work / "programs"
    programs.mkdir()
    notes = work / "chown"
    chown = programs / "chown"
    chown.write_text(f'#!/bin/sh\necho "$@" >> "{notes}"\n')
    chown.chmod(0o755)
    data.setVar("PATH", f"{programs}:{os.environ['PATH']}")
    data.setVarFlag("PATH", "export", "1")
    return notes
