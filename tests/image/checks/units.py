# SPDX-License-Identifier: Apache-2.0
"""systemd understands the installed units, and they leave the programs no more rights than they need."""
import re
import shutil
import subprocess

import bitbake
import recipes
from installed import Installed

# Ten times the exposure that `systemd-analyze security` may find.
EXPOSURE = 20
# The host of this one is root on purpose: it makes partitions, mounts and accounts. What it has it keeps, and no more; three of
# these tenths are CAP_SYS_PTRACE, by which it reads who has a file of a folder open.
EXPOSURE_OF = {"storage": 70}
# What a unit of ours names and other packages bring.
OTHERS = ("dbus.service", "dbus.socket", "sysinit.target", "basic.target", "network.target", "time-set.target", "multi-user.target",
          "shutdown.target", "local-fs.target", "paths.target", "system.slice", "sockets.target")
# What differs: where units are, which plugins there are, and where state is.
IMAGES = (("wrynose", (), (recipes.ROOTED,)), ("kirkstone", bitbake.RDK_VIDEO, ()),
          ("kirkstone", bitbake.RDK_BROADBAND, ()))


def check(tree, work):
    problems = []
    for release, others, settings in IMAGES:
        where = ", ".join([release, *others[-1:]])
        problems += [f"{where}: {problem}" for problem in _image(tree, work / where.replace(", ", "-"), release, others, settings)]
    return problems


def _image(tree, work, release, others, settings):
    installed = Installed(tree, work / "installed", release, others, settings)
    root = work / "root"
    shutil.copytree(installed.root, root, symlinks=True)
    units = root / installed.data.getVar("systemd_system_unitdir").lstrip("/")
    for name in OTHERS:
        if not (units / name).exists():
            kind = {"service": "[Service]\nExecStart=/bin/true\n", "socket": "[Socket]\nListenStream=/run/x\n"}.get(name.split(".")[1], "")
            (units / name).write_text(f"[Unit]\nDescription=Of others\n{kind}")
    # Programs of others.
    for program in ("true", "install", "rm", "systemctl", "busctl", "chgrp", "chmod", "setfacl", "sh"):
        for folder in ("usr/bin", "bin"):
            file = root / folder / program
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("#!/bin/sh\n")
            file.chmod(0o755)
    plugins = sorted(file.name for file in (units / "cwmp-plugins.target.wants").iterdir())
    names = ["cwmpd.service", "cwmpd-reboot.service", "cwmpd-reboot.path", "cwmp-plugins.target", *plugins]
    problems = []
    for name in names:
        unit = units / name
        if "@" in name:
            # An instance, by the name that it has when it runs.
            unit.symlink_to("cwmp-plugin@.service")
        run = subprocess.run(["systemd-analyze", "verify", "--man=no", "--generators=no", f"--root={root}", name],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        problems += [f"{name}: {line}" for line in run.stdout.splitlines() if line.strip()]
    for name in ("cwmpd.service", *plugins):
        most = next((most for plugin, most in EXPOSURE_OF.items() if f"@{plugin}." in name), EXPOSURE)
        run = subprocess.run(["systemd-analyze", "security", "--offline=true", f"--threshold={most}", "--no-pager", f"--root={root}",
                              name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        overall = re.search(r"Overall exposure level.*", run.stdout)
        if run.returncode != 0:
            problems.append(f"{name}: {overall.group(0) if overall else run.stdout[-300:]}: exposure above {most / 10}")
    return problems
