# SPDX-License-Identifier: Apache-2.0
"""The tree of cwmpd that is looked at: the repository, or a copy of it that has a fault."""
import pathlib
import shutil
import subprocess


class Tree:
    def __init__(self, root, binaries):
        self.root = pathlib.Path(root)
        # What cargo has built of it.
        self.binaries = pathlib.Path(binaries)

    def path(self, *parts):
        return self.root.joinpath(*parts)

    def text(self, *parts):
        return self.path(*parts).read_text(encoding="utf-8")

    @property
    def layer(self):
        return self.path("yocto", "meta-cwmpd")

    @property
    def example_layer(self):
        return self.path("yocto", "meta-cwmpd-example")

    def recipes(self):
        """All recipes and appends of our layers."""
        found = [file for layer in (self.layer, self.example_layer) for file in layer.rglob("*.bb*")]
        return sorted(file for file in found if file.suffix in (".bb", ".bbappend"))

    def locks(self):
        """Each lock file, with the include file that has its crates."""
        pairs = [(self.path("Cargo.lock"), self.layer / "recipes-cwmp/cwmpd/cwmpd-crates.inc")]
        for lock in sorted(self.example_layer.rglob("Cargo.lock")):
            recipe = lock.parents[2]
            pairs.append((lock, recipe / f"{recipe.name}-crates.inc"))
        return pairs

    def copy(self, folder):
        """A copy to do harm to: what is in the repository, and what will be. It is a repository of its own."""
        names = subprocess.run(["git", "-C", self.root, "ls-files", "-coz", "--exclude-standard"], check=True,
                               stdout=subprocess.PIPE, text=True).stdout.split("\0")
        folder = pathlib.Path(folder)
        for name in filter(None, names):
            source, target = self.root / name, folder / name
            if source.is_file() or source.is_symlink():
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, target, follow_symlinks=False)
        git = ["git", "-C", folder, "-c", "user.name=test", "-c", "user.email=test@localhost"]
        for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "copy"]):
            subprocess.run([*git, *command], check=True)
        return Tree(folder, self.binaries)
