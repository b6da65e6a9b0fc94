# SPDX-License-Identifier: Apache-2.0
"""BitBake fetches the sources and every crate by the recipes, without a network, holds them to their checksums and unpacks them."""
import os
import pathlib
import subprocess

import bitbake
from outcome import Skipped


def downloads(tree, folder):
    """A folder as BitBake would have downloaded into: cargo has the same files. They are links, as BitBake renames what it refuses."""
    folder.mkdir(parents=True, exist_ok=True)
    caches = sorted(pathlib.Path(os.environ.get("CARGO_HOME") or pathlib.Path.home() / ".cargo").glob("registry/cache/*"))
    for lock, _ in tree.locks():
        # Nothing is downloaded that is there already.
        subprocess.run(["cargo", "fetch", "--quiet", "--locked", "--manifest-path", tree.path("Cargo.toml")], check=False)
        names = [line for line in lock.read_text().split("[[package]]")]
        for text in names:
            fields = dict(line.split(" = ", 1) for line in text.splitlines() if " = \"" in line and not line.startswith(" "))
            if "checksum" not in fields:
                continue
            name = f"{fields['name']}-{fields['version']}.crate".replace('"', "")
            found = next((cache / name for cache in caches if (cache / name).is_file()), None)
            if found is None:
                raise Skipped(f"cargo has no {name}, and could not download it")
            if not (folder / name).exists():
                os.link(found, folder / name) if _same_device(found, folder) else (folder / name).write_bytes(found.read_bytes())
    return folder


def _same_device(file, folder):
    return os.stat(file).st_dev == os.stat(folder).st_dev


def check(tree, work):
    settings = [f'DL_DIR = "{downloads(tree, work / "downloads")}"']
    for release in bitbake.RELEASES:
        problems = _release(tree, bitbake.Build(tree, release, work / release, settings=settings))
        if problems:
            # BitBake has renamed what it refused.
            return [f"{release}: {problem}" for problem in problems]
    return []


def _release(tree, build):
    problems = []
    for name, lock in (("cwmpd", tree.locks()[0][0]), ("acme-load", tree.locks()[1][0])):
        data = build.recipe(name)
        uris = data.getVar("SRC_URI").split()
        folder = pathlib.Path(data.getVar("UNPACKDIR") or data.getVar("WORKDIR"))
        try:
            build.fetch(data, uris, folder)
        except bitbake.Failed as error:
            problems.append(f"{name}: {error}")
            continue
        # Crates are unpacked for cargo, wherever the rest goes.
        unpacked = [entry for place in (folder, folder.parent) for entry in place.glob("cargo_home/bitbake/*")]
        locked = lock.read_text().count("checksum = ")
        if len(unpacked) != locked:
            problems.append(f"{name}: {len(unpacked)} crates are unpacked, {locked} are locked")
        if not pathlib.Path(data.getVar("S")).is_dir():
            problems.append(f"{name}: there is nothing in {data.getVar('S')}")
    return problems
