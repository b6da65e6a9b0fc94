# SPDX-License-Identifier: Apache-2.0
"""The plugins of the example layer are built outside of the tree, by their recipes, with what the -dev package has, and load."""
import os
import pathlib
import subprocess

import bitbake
from fetch import downloads
from installed import split

# Each with a parameter, and the releases for which it is built: the first and the last, which differ most.
PLUGINS = (("acme-entropy", "acme_entropy", "Device.X_ACME_Entropy.Available", ("kirkstone", "wrynose")),
           ("acme-load", "acme_load", "Device.X_ACME_Load.OneMinute", ("kirkstone", "wrynose")))


def check(tree, work):
    problems = []
    for name, plugin, parameter, releases in PLUGINS:
        for release in releases:
            try:
                problems += [f"{release}, {name}: {problem}"
                             for problem in _plugin(tree, work / f"{name}-{release}", release, name, plugin, parameter)]
            except bitbake.Failed as error:
                problems.append(f"{release}, {name}: {error}")
            if problems:
                return problems
    return problems


def _plugin(tree, work, release, name, plugin, parameter):
    settings = [f'DL_DIR = "{downloads(tree, work / "downloads")}"', "PKG_CONFIG_ALLOW_SYSTEM_CFLAGS = \"1\"",
                'export PKG_CONFIG_PATH = "${STAGING_DATADIR}/pkgconfig"', 'export PKG_CONFIG_SYSROOT_DIR = "${STAGING_DIR_TARGET}"',
                f'PATH = "{os.environ["PATH"]}"', "export PATH"]
    build = bitbake.Build(tree, release, work, settings=settings)
    data = build.recipe(name)
    # What its DEPENDS puts there.
    installed = subprocess.run(["make", "-s", "-C", tree.root, "install-kit", f"DESTDIR={data.getVar('STAGING_DIR_TARGET')}"],
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if installed.returncode != 0:
        return [installed.stdout]
    build.fetch(data, data.getVar("SRC_URI").split(), data.getVar("UNPACKDIR") or data.getVar("WORKDIR"))
    for task in ("do_configure", "do_compile", "do_install"):
        build.run(data, task)
    root = pathlib.Path(data.getVar("D"))
    packages = split(data, root)
    problems = [f"{file} is in no package" for file in packages[None]]
    for file in (f"/usr/lib/cwmpd/plugins/{plugin}.toml", f"/usr/share/dbus-1/system.d/org.cwmpd1.Provider.{plugin}.conf",
                 f"{data.getVar('systemd_system_unitdir')}/cwmp-plugins.target.wants/cwmp-plugin@{plugin}.service"):
        if file not in packages[name]:
            problems.append(f"the package has no {file}")
    problems += _build_paths(data, root / f"usr/lib/cwmpd/plugins/libcwmp_{plugin}.so", work)
    host = tree.binaries / "cwmp-plugin-host"
    folder = root / "usr/lib/cwmpd/plugins"
    state = work / "state"
    state.mkdir()
    for arguments, wanted in ((["--check", folder / f"{plugin}.toml"], ": good"),
                              (["--manifests", folder, "--state", state, "--call", "get", parameter, plugin], f"{parameter} = ")):
        run = subprocess.run([host, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if run.returncode != 0 or wanted not in run.stdout:
            problems.append(f"cwmp-plugin-host {arguments[0]}: {run.stdout}")
    return problems


def _build_paths(data, library, work):
    """What a device gets does not name the place where it was built. Symbols may, where the recipe says so."""
    place = data.getVar("WORKDIR").encode()
    stripped = work / "stripped"
    subprocess.run(["strip", "-o", stripped, library], check=True)
    problems = [f"{library.name} names {place.decode()}"] if place in stripped.read_bytes() else []
    if bitbake.bb.data.inherits_class("cargo", data) and b".debug_line" not in library.read_bytes():
        problems.append(f"{library.name} has no lines for its -dbg package")
    return problems
