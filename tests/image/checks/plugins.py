# SPDX-License-Identifier: Apache-2.0
"""The plugins of the example layer are built outside of the tree, by their recipes, with what the -dev package has, and load."""
import os
import pathlib
import subprocess

import bitbake
from fetch import downloads
from installed import split


def check(tree, work):
    problems = []
    for release, name, plugin, parameter in (("scarthgap", "acme-entropy", "acme_entropy", "Device.X_ACME_Entropy.Available"),
                                             ("wrynose", "acme-load", "acme_load", "Device.X_ACME_Load.OneMinute")):
        try:
            problems += [f"{name}: {problem}" for problem in _plugin(tree, work / name, release, name, plugin, parameter)]
        except bitbake.Failed as error:
            problems.append(f"{name}: {error}")
        if problems:
            break
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
