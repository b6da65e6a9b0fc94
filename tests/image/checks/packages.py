# SPDX-License-Identifier: Apache-2.0
"""Each file that is installed is in the package that it belongs to, and a package alone can be put onto a running device."""
import pathlib
import stat
import subprocess

import bitbake
import recipes
from installed import Installed

PLUGINS = {"device-info": "device_info", "network": "network", "users": "users", "mapping": "mapping", "wifi": "wifi",
           "storage": "storage"}
# What must be in a package, besides what follows from the names of plugins.
EXPECTED = {
    "cwmpd": ["/usr/bin/cwmpd", "/etc/cwmpd/cwmpd.toml", "/usr/share/dbus-1/system.d/org.cwmpd1.conf", "{units}/cwmpd.service",
              "{units}/cwmp-plugins.target", "{units}/cwmpd-reboot.path", "{units}/cwmpd-reboot.service",
              "/usr/lib/sysusers.d/cwmpd.conf", "/usr/lib/tmpfiles.d/cwmpd.conf", "/usr/share/dbus-1/system-services/org.cwmpd1.service"],
    "cwmp-plugin-host": ["/usr/libexec/cwmp-plugin-host", "{units}/cwmp-plugin@.service"],
    "cwmp-plugin-try": ["/usr/libexec/cwmp-plugin-try"],
    "cwmpctl": ["/usr/bin/cwmpctl"],
    "cwmpd-schemas": ["/usr/share/dbus-1/interfaces/org.cwmpd1.xml", "/usr/share/dbus-1/interfaces/org.cwmpd1.Provider.xml"],
    "cwmpd-models": ["/usr/share/cwmpd/models/Device-2.19.model", "/usr/share/cwmpd/models/Device-2.19.profiles"],
    "cwmpd-dev": ["/usr/include/cwmp_plugin.h", "/usr/share/pkgconfig/cwmp-plugin.pc", "/usr/share/cwmpd/kit/Cargo.toml",
                  "/usr/share/cwmpd/kit/Cargo.lock", "/usr/share/cwmpd/kit/plugins/sdk/src/lib.rs",
                  "/usr/share/cwmpd/kit/org.cwmpd1.Provider.NAME.conf.in"],
    "cwmpd-plugin-mapping": ["/usr/share/cwmpd/mappings/hostname.toml", "/usr/share/cwmpd/mappings/time.toml"],
}


def check(tree, work):
    problems = []
    for release in bitbake.RELEASES:
        try:
            problems += [f"{release}: {problem}" for problem in _release(tree, work / release, release)]
        except bitbake.Failed as error:
            problems.append(f"{release}: {error}")
    for named in (_everything, _rdk, _sysv, _settings):
        try:
            problems += [f"{named.__name__.strip('_')}: {problem}" for problem in named(tree, work)]
        except bitbake.Failed as error:
            problems.append(f"{named.__name__.strip('_')}: {error}")
    return problems


def _release(tree, work, release):
    installed = Installed(tree, work, release, settings=(recipes.ROOTED,))
    packages = installed.packages()
    units = installed.data.getVar("systemd_system_unitdir")
    problems = [f"{file} is in no package" for file in packages[None]]
    for package, files in EXPECTED.items():
        problems += [f"{package} has no {file}" for file in (file.format(units=units) for file in files)
                     if file not in packages[package]]
    for plugin, name in PLUGINS.items():
        problems += _plugin(installed, packages, units, f"cwmpd-plugin-{plugin}", name)
    allowed = set().union(*({file.format(units=units) for file in files} for files in EXPECTED.values()))
    stray = [file for file in packages["cwmpd"] if file not in allowed and not file.startswith(("/etc/cwmpd", "/var/lib/cwmpd"))]
    problems += [f"{file} is in cwmpd" for file in stray]
    for package in ("cwmpd-schemas", "cwmpd-models", "cwmpctl"):
        if any("/kit/" in file for file in packages[package]):
            problems.append(f"{package} has files of the kit")
    problems += _modes(installed)
    return problems + _host_scripts(installed.data)


def _plugin(installed, packages, units, package, name):
    """A plugin's package has all files of it, no other has one, and its scripts touch nothing else."""
    library = f"/usr/lib/cwmpd/plugins/libcwmp_{name}.so"
    files = [library, f"/usr/lib/cwmpd/plugins/{name}.toml", f"/usr/share/dbus-1/system.d/org.cwmpd1.Provider.{name}.conf",
             f"{units}/cwmp-plugins.target.wants/cwmp-plugin@{name}.service"]
    problems = [f"{package} has no {file}" for file in files if file not in packages[package]]
    data, manifest = installed.data, (installed.root / f"usr/lib/cwmpd/plugins/{name}.toml").read_text()
    user = next(line.split('"')[1] for line in manifest.splitlines() if line.startswith("user ="))
    made = data.getVar("USERADD_PARAM:" + package) if package in data.getVar("USERADD_PACKAGES").split() else None
    if user == "root" and made:
        problems.append(f"{package} makes a user, but its host is root")
    if user != "root" and not (made or "").endswith(" " + user):
        problems.append(f"{package} does not make the user {user} of the manifest")
    needs = data.getVar("RDEPENDS:" + package).split()
    abi = next((need for need in needs if need.startswith("cwmp-plugin-abi-")), None)
    if "cwmp-plugin-host" not in needs or abi not in data.getVar("RPROVIDES:cwmp-plugin-host").split():
        problems.append(f"{package} needs {needs}: no host for it")
    if "cwmpd" in needs:
        problems.append(f"{package} cannot be updated without the agent")
    return problems + _scripts(data, package, name)


def _runner(data, package):
    """Runs the package's scripts with a systemctl that only takes notes: what it was asked."""
    work = pathlib.Path(data.getVar("WORKDIR")) / "scripts" / package
    work.mkdir(parents=True)
    programs, notes, running = work / "programs", work / "notes", work / "running"
    programs.mkdir()
    running.mkdir()
    systemctl = programs / "systemctl"
    systemctl.write_text(f'#!/bin/sh\necho "$@" >> "{notes}"\n')
    systemctl.chmod(0o755)

    def run(script, *arguments, root=""):
        notes.write_text("")
        text = data.getVar(f"pkg_{script}:{package}").replace("/run/systemd/system", str(running))
        file = work / script
        file.write_text(text)
        subprocess.run(["sh", "-e", file, *arguments], check=True, env={"PATH": f"{programs}:/usr/bin:/bin", "D": root})
        return notes.read_text().splitlines()

    return run


def _scripts(data, package, name):
    """Only the plugin's own unit is started and stopped."""
    run = _runner(data, package)
    unit = f"cwmp-plugin@{name}.service"
    updated = ["daemon-reload", "reload dbus.service", "try-reload-or-restart cwmpd.service", f"--no-block restart {unit}"]
    cases = [
        ("while an image is made", run("postinst", root="/image"), []),
        ("on an update", run("postinst", "configure"), updated),
        ("before an update", run("prerm", "upgrade"), []),
        ("before it is removed", run("prerm", "remove"), [f"stop {unit}"]),
        ("after it was removed", run("postrm", "remove"), ["daemon-reload", "try-reload-or-restart cwmpd.service"]),
    ]
    return [f"{package}, {when}: {got}, not {wanted}" for when, got, wanted in cases if got != wanted]


def _host_scripts(data):
    """A new host is taken by all plugins that run, and by none that does not."""
    package = "cwmp-plugin-host"
    if not data.getVar(f"pkg_postinst:{package}"):
        return [f"{package}, on an update: hosts that run stay what they were"]
    run = _runner(data, package)
    cases = [
        ("while an image is made", run("postinst", root="/image"), []),
        ("on an update", run("postinst", "configure"), ["daemon-reload", "--no-block try-restart cwmp-plugin@*.service"]),
    ]
    return [f"{package}, {when}: {got}, not {wanted}" for when, got, wanted in cases if got != wanted]


def _modes(installed):
    problems = []
    configuration = installed.root / "etc/cwmpd/cwmpd.toml"
    if stat.S_IMODE(configuration.stat().st_mode) != 0o640:
        problems.append("everybody reads cwmpd.toml")
    owners = [line.replace(str(installed.root), "") for line in installed.owner_changes()]
    for wanted in ("root:cwmpd /etc/cwmpd/cwmpd.toml", "-R cwmpd:cwmpd /var/lib/cwmpd"):
        if wanted not in owners:
            problems.append(f"no chown {wanted}: {owners}")
    return problems


def _everything(tree, work):
    """Each plugin that there is, and each service behind one."""
    installed = Installed(tree, work / "everything", "scarthgap", *recipes.EVERYTHING)
    packages = installed.packages()
    problems = [f"{file} is in no package" for file in packages[None]]
    for file in ("/usr/lib/cwmpd/plugins/cellular.toml", "/usr/share/cwmpd/mappings/cellular.toml"):
        if file not in packages["cwmpd-plugin-cellular"]:
            problems.append(f"cwmpd-plugin-cellular has no {file}")
    if "/etc/init.d/cwmpd" not in packages["cwmpd"]:
        problems.append("there is no script for init")
    return problems


def _sysv(tree, work):
    """Without systemd there is nothing of it."""
    installed = Installed(tree, work / "sysv", "kirkstone", settings=('DISTRO_FEATURES = "sysvinit"',))
    files = [str(path.relative_to(installed.root)) for path in installed.root.rglob("*")]
    problems = [f"{file} is of systemd" for file in files if "systemd" in file or "sysusers" in file]
    if "etc/init.d/cwmpd" not in files:
        problems.append("there is no script for init")
    return problems + [f"{file} is in no package" for file in installed.packages()[None]]


def _rdk(tree, work):
    """RDK's places, and who the device is."""
    problems = []
    for others, state in ((bitbake.RDK_VIDEO, "/opt/secure/cwmpd"), (bitbake.RDK_BROADBAND, "/nvram/cwmpd")):
        installed = Installed(tree, work / f"rdk-{others[-1]}", "kirkstone", others)
        packages = installed.packages()
        problems += [f"{others[-1]}: {file} is in no package" for file in packages[None]]
        if "/usr/libexec/cwmpd-identity" not in packages["cwmpd"]:
            problems.append(f"{others[-1]}: nothing says who the device is")
        unit = (installed.root / "lib/systemd/system/cwmpd.service").read_text()
        configuration = (installed.root / "etc/cwmpd/cwmpd.toml").read_text()
        for text, wanted in ((unit, f"RequiresMountsFor={state}"), (unit, f"ReadWritePaths=-{state}"), (configuration, state)):
            if wanted not in text:
                problems.append(f"{others[-1]}: no {wanted}")
        if (installed.root / state.lstrip("/")).exists():
            problems.append(f"{others[-1]}: {state} is in the image, below a partition that is mounted over it")
        problems += _configuration(tree, installed)
        problems += _identity(installed)
    return problems


def _identity(installed):
    """The script, with RDK's programs played."""
    programs = pathlib.Path(installed.data.getVar("WORKDIR")) / "programs-of-rdk"
    programs.mkdir()
    properties = programs / "device.properties"
    properties.write_text('CWMP_MANUFACTURER="Acme \\"A\\""\n')
    answers = {"mfr_util": {"--Modelname": "Box", "--MfgSerialnumber": "S1"},
               "deviceinfo.sh": {"-mo": "Box", "-sn": "S1", "-cmac": "00:aa:bb:01:02:03"}}
    for program, cases in answers.items():
        lines = "".join(f"{argument}) echo '{answer}' ;;\n" for argument, answer in cases.items())
        (programs / program).write_text(f'#!/bin/sh\ncase $1 in\n{lines}*) echo "failed" ;;\nesac\n')
        (programs / program).chmod(0o755)
    script = installed.root / "usr/libexec/cwmpd-identity"
    environment = {"PATH": f"{programs}:/usr/bin:/bin", "CWMP_DEVICE_PROPERTIES": str(properties)}
    if "getDeviceDetails" in script.read_text():
        # A file at a fixed place, so its answer comes from the properties here.
        with properties.open("a") as more:
            more.write("CWMP_OUI=00AABB\n")
    run = subprocess.run([script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wanted = {'manufacturer = "Acme \\"A\\""', 'oui = "00AABB"', 'model_name = "Box"', 'product_class = "Box"', 'serial_number = "S1"'}
    missing = wanted - set(run.stdout.splitlines())
    problems = [f"the identity has no {line}: {run.stdout} {run.stderr}" for line in sorted(missing)]
    nobody = subprocess.run([script], env={"PATH": "/usr/bin:/bin", "CWMP_DEVICE_PROPERTIES": "/nowhere"},
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if nobody.returncode == 0 or nobody.stdout:
        problems.append("a device without a serial number has an identity")
    # Whoever knows the class does not answer: the device would be another to its ACS, once.
    for program in answers:
        text = (programs / program).read_text()
        (programs / program).write_text(text.replace("--Modelname)", "--Nothing)").replace("-mo) echo 'Box'", "-mo) true"))
    unknown = subprocess.run([script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if unknown.returncode == 0 or unknown.stdout or "product class" not in unknown.stderr:
        problems.append(f"a device whose class is not known has an identity: {unknown.stdout}")
    with properties.open("a") as more:
        more.write("CWMP_PRODUCT_CLASS=\n")
    none = subprocess.run([script], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if none.returncode != 0 or 'product_class = ""' not in none.stdout.splitlines():
        problems.append(f"a device without a class has no identity: {none.stderr}")
    return problems


def _configuration(tree, installed):
    """The agent takes what is installed."""
    run = subprocess.run([tree.binaries / "cwmpd", "--config", installed.root / "etc/cwmpd/cwmpd.toml", "--check"],
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return [] if run.returncode == 0 else [f"cwmpd --check: {run.stdout.strip()}"]


def _settings(tree, work):
    """What an integrator says in local.conf."""
    installed = Installed(tree, work / "settings", "scarthgap", settings=(
        'CWMPD_ACS_URL = "https://acs.example.net/"', 'CWMPD_STATEDIR = "/data/cwmpd"', 'CWMPD_OPT_LEVEL = "z"',
        'PACKAGECONFIG:pn-cwmpd = "systemd users"'))
    overlay = (installed.root / "etc/cwmpd/cwmpd.d/10-image.toml").read_text()
    problems = [] if 'url = "https://acs.example.net/"' in overlay else ["the ACS is not in the configuration"]
    packages = installed.packages()
    problems += [f"{package} was not wanted" for package in packages if package and "plugin-network" in package]
    if installed.data.getVar("CARGO_PROFILE_RELEASE_OPT_LEVEL") != "z":
        problems.append("the level of optimisation is not what was wanted")
    if installed.data.getVar("RDEPENDS:cwmpd-plugins").split() != ["cwmpd-plugin-users"]:
        problems.append("cwmpd-plugins is not what is built")
    return problems + _configuration(tree, installed)
