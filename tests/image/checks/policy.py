# SPDX-License-Identifier: Apache-2.0
"""dbus-daemon itself reads the rights on the bus, as they are installed, and warns of nothing but users that are not made here."""
import re
import select
import subprocess

import recipes
from installed import Installed

# How long a bus takes that has read its configuration, on a busy machine.
START_SECONDS = 20
# What is not about the rights: users and groups that come with the packages, and a limit that a container does not let it raise.
BESIDE = r'[Uu]nknown (username|group) "cwmp|Failed to set fd limit'
CONFIGURATION = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={socket}</listen>
<policy context="default"><allow user="*"/></policy>
{files}</busconfig>
"""


def check(tree, work):
    installed = Installed(tree, work / "installed", "scarthgap", *recipes.EVERYTHING)
    files = sorted(installed.root.glob("usr/share/dbus-1/system.d/*.conf"))
    if len(files) < 2:
        return ["there are no rights on the bus"]
    problems = []
    for file in files:
        configuration = work / "bus.conf"
        configuration.write_text(CONFIGURATION.format(socket=work / "bus", files=f"<include>{file}</include>\n"))
        problems += [f"{file.name}: {problem}" for problem in _start(configuration)]
    return problems


def _start(configuration):
    bus = subprocess.Popen(["dbus-daemon", f"--config-file={configuration}", "--nofork", "--print-address", "--nosyslog"],
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        ready, _, _ = select.select([bus.stdout], [], [], START_SECONDS)
        address = bus.stdout.readline() if ready else ""
    finally:
        bus.terminate()
        said = bus.communicate()[1]
    wrong = [line for line in said.splitlines() if line.strip() and not re.search(BESIDE, line)]
    return wrong if address else wrong or ["the bus does not start"]
