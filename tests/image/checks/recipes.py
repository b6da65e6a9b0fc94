# SPDX-License-Identifier: Apache-2.0
"""Every recipe and append is read by BitBake for every release, alone and beside RDK's layers, and says what it must."""
import hashlib
import os
import pathlib
import re

import bitbake

MANDATORY = ("SUMMARY", "DESCRIPTION", "HOMEPAGE", "SECTION", "LICENSE", "PV")
# Before BitBake 2 an override was said with an underscore: today it is another variable, which nobody reads.
OLD_OVERRIDE = re.compile(r"^(FILES|RDEPENDS|RRECOMMENDS|RPROVIDES|SYSTEMD_SERVICE|SUMMARY|USERADD_PARAM|GROUPADD_PARAM|ALLOW_EMPTY|CONFFILES"
                          r"|SRC_URI|DEPENDS|do_install|do_compile|do_configure|pkg_postinst)_")
# Packages of others that ours need: the layer that brings each, and the feature of the distribution that its recipe asks for. A
# package that cannot be built breaks the build, also where it is only recommended.
OTHERS = {"ca-certificates": ("core", None), "dbus": ("core", None), "e2fsprogs-mke2fs": ("core", None),
          "wpa-supplicant": ("core", None), "hostapd": ("openembedded-layer", None), "smartmontools": ("openembedded-layer", None),
          "udisks2": ("openembedded-layer", "polkit"), "modemmanager": ("openembedded-layer", None),
          "samba": ("networking-layer", "pam"), "vsftpd": ("networking-layer", None),
          # No public layer of a release has it.
          "nfs-ganesha": ("image", None)}
# What is put into RDK-E's middleware layer.
MIDDLEWARE = ("cwmpd", "packagegroup-cwmpd")
# Everything that can be chosen.
ALL = ('PACKAGECONFIG:pn-cwmpd = "systemd sysvinit device-info network users mapping cellular wifi storage demo hostapd modemmanager'
       ' nfs-ganesha samba smartmontools system-sqlite udisks2 vsftpd wpa-supplicant"')
EVERYTHING = (("openembedded-layer", "networking-layer", "image"),
              (ALL, 'DISTRO_FEATURES = "systemd usbhost wifi polkit pam"'))
# The plugin that is root, which is in no image that did not choose it.
ROOTED = 'PACKAGECONFIG:append:pn-cwmpd = " storage"'
# The same with what it is for, as yocto/README.md says it.
STORAGE = 'PACKAGECONFIG:append:pn-cwmpd = " storage smartmontools udisks2"'
# Where an ACS may format drives.
WITH_STORAGE = ("with everything", "of a box with drives")
RDK_MULTILIB = "on RDK-V, with libraries of two kinds"
OWN_SQLITE = "with SQLite of its own"
IMAGES = {
    "alone": ((), ()),
    "without systemd": ((), ('DISTRO_FEATURES = "sysvinit"',)),
    "with everything": EVERYTHING,
    "of a box with drives": (("openembedded-layer",), (STORAGE, 'DISTRO_FEATURES = "systemd usbhost polkit"')),
    "on RDK-V": (bitbake.RDK_VIDEO, ()),
    RDK_MULTILIB: (bitbake.RDK_VIDEO, ('MULTILIB_VARIANTS = "lib32"',)),
    "on RDK-B": (bitbake.RDK_BROADBAND, ()),
    "with what OpenEmbedded has": (("openembedded-layer",), ()),
    OWN_SQLITE: ((), ('PACKAGECONFIG:remove:pn-cwmpd = "system-sqlite"',)),
}


def check(tree, work):
    problems = []
    for release in bitbake.RELEASES:
        for image, (others, settings) in IMAGES.items():
            where = f"{release}, {image}"
            try:
                build = bitbake.Build(tree, release, work / f"{release}-{image}".replace(" ", "-"), others, settings)
                problems += [f"{where}: {problem}" for problem in _image(tree, build, image)]
            except bitbake.Failed as error:
                problems.append(f"{where}: {error}")
    return problems


def _image(tree, build, image):
    problems = [f"no recipe takes {append}" for append in build.dangling()]
    recipes = {file: build.parse(file) for file in build.recipes}
    for data in recipes.values():
        name = data.getVar("PN")
        problems += [f"{name}: {problem}" for problem in _recipe(tree, build, data)]
    problems += _dependencies(build, recipes.values())
    cwmpd = next(data for data in recipes.values() if data.getVar("PN") == "cwmpd")
    problems += _cwmpd(tree, cwmpd, image)
    return problems


def _recipe(tree, build, data):
    problems = [f"{variable} is not set" for variable in MANDATORY if not data.getVar(variable)]
    problems += [f"{key} is an override of old" for key in data.keys() if OLD_OVERRIDE.match(key)]
    unpacked = data.getVar("UNPACKDIR") or data.getVar("WORKDIR")
    uris = (data.getVar("SRC_URI") or "").split()
    if uris and not data.getVar("S").startswith(unpacked + "/"):
        problems.append(f"S is {data.getVar('S')}, sources are unpacked into {unpacked}")
    if uris and build.release == "wrynose" and "${WORKDIR}" in (data.getVar("S", False) or ""):
        problems.append("S names WORKDIR, which is fatal")
    for uri in uris:
        if uri.startswith("file://"):
            name = uri[len("file://"):].split(";")[0]
            if not any(os.path.exists(os.path.join(folder, name)) for folder in data.getVar("FILESPATH").split(":")):
                problems.append(f"there is no file {name}")
    if data.getVar("USERADD_PACKAGES") != data.getVar("SEEN_BY_USERADD"):
        problems.append(f"useradd sees {data.getVar('SEEN_BY_USERADD')}, and not the users of {data.getVar('USERADD_PACKAGES')}")
    # The middleware layer of RDK-E has packages of its architecture alone in its feed.
    if data.getVar("MIDDLEWARE_ARCH") and data.getVar("PN") in MIDDLEWARE and data.getVar("PACKAGE_ARCH") != data.getVar("MIDDLEWARE_ARCH"):
        problems.append(f"PACKAGE_ARCH is {data.getVar('PACKAGE_ARCH')}, not {data.getVar('MIDDLEWARE_ARCH')}")
    if bitbake.bb.data.inherits_class("cargo", data) and "buildpaths" not in (data.getVar("INSANE_SKIP:" + data.getVar("PN") + "-dbg") or "").split():
        problems.append("symbols may name the place of the build, which is an error from wrynose on")
    if uris and not data.getVar("LIC_FILES_CHKSUM"):
        problems.append("LIC_FILES_CHKSUM is not set")
    for uri in (data.getVar("LIC_FILES_CHKSUM") or "").split():
        file, *parameters = uri[len("file://"):].split(";")
        parameters = dict(parameter.split("=") for parameter in parameters)
        source = _source(tree, data) / file
        if not source.is_file():
            problems.append(f"there is no {file} to tell the licence")
            continue
        lines = source.read_bytes().splitlines(keepends=True)
        first, last = int(parameters.get("beginline", 1)), int(parameters.get("endline", len(lines)))
        is_md5 = hashlib.md5(b"".join(lines[first - 1:last])).hexdigest()
        if is_md5 != parameters["md5"]:
            problems.append(f"LIC_FILES_CHKSUM of {file} is {is_md5}")
    return problems


def _source(tree, data):
    """Where the sources of a recipe are before they are unpacked."""
    if data.getVar("PN") == "cwmpd":
        return tree.root
    return pathlib.Path(data.getVar("FILE")).parent / "files" / data.getVar("PN")


def _dependencies(build, recipes):
    problems = []
    collections = build.builder.data.getVar("BBFILE_COLLECTIONS").split()
    features = build.builder.data.getVar("DISTRO_FEATURES").split()
    buildable = {package for package, (layer, feature) in OTHERS.items()
                 if layer in collections and (feature is None or feature in features)}
    provided = set()
    for data in recipes:
        for package in data.getVar("PACKAGES").split():
            provided.add(package)
            provided.update((data.getVar("RPROVIDES:" + package) or "").split())
    for data in recipes:
        for package in data.getVar("PACKAGES").split():
            for kind in ("RDEPENDS", "RRECOMMENDS"):
                for needed in (data.getVar(f"{kind}:{package}") or "").split():
                    if needed in provided or needed in buildable:
                        continue
                    problems.append(f"nothing provides {needed}, which {package} has in {kind}")
    return problems


def _cwmpd(tree, data, image):
    problems = []
    version = re.search(r'^\[workspace\.package\]\nversion = "(.*)"', tree.text("Cargo.toml"), re.M).group(1)
    if not data.getVar("PV").startswith(version + "+git"):
        problems.append(f"PV is {data.getVar('PV')}, the version is {version}")
    wanted = {"on RDK-V": ("qemuarm-middleware", "/opt/secure/cwmpd"), "on RDK-B": ("armv7a", "/nvram/cwmpd")}
    architecture, state = wanted.get(image.split(",")[0], ("armv7a", "/var/lib/cwmpd"))
    for variable, value in (("PACKAGE_ARCH", architecture), ("CWMPD_STATEDIR", state)):
        if data.getVar(variable) != value:
            problems.append(f"{variable} is {data.getVar(variable)}, not {value}")
    shared = image != OWN_SQLITE
    depends = data.getVar("DEPENDS").split()
    if ("sqlite3" in depends) != shared:
        problems.append(f"DEPENDS is {' '.join(depends)}")
    if "ca-certificates" not in (data.getVar("RRECOMMENDS:cwmpd") or "").split():
        problems.append("nobody brings /etc/ssl/certs/ca-certificates.crt, which the agent trusts by default")
    rooted = set(data.getVar("CWMP_PLUGIN_ROOT").split()) & set(data.getVar("CWMPD_PLUGINS").split())
    if bool(rooted) != (image in WITH_STORAGE):
        problems.append(f"of the plugins that are root, {' '.join(rooted) or 'none'} is in the image")
    asks = "LIBSQLITE3_SYS_USE_PKG_CONFIG"
    if data.getVar(asks) != ("1" if shared else "0") or not data.getVarFlag(asks, "export") or "pkgconfig-native" not in depends:
        problems.append(f"SQLite is looked for with {asks} {data.getVar(asks)}, exported {data.getVarFlag(asks, 'export')},"
                        f" after {' '.join(depends)}")
    if image.startswith("on RDK-") and "cwmp-plugin@network.service" not in (data.getVar("SYSLOG-NG_SERVICE_cwmpd") or ""):
        problems.append("the lines of the plugins go to no log")
    if image.startswith("on RDK-V") and "cwmp-plugin-hos=cwmpd.log" not in (data.getVar("pkg_postinst:cwmpd") or ""):
        problems.append("the log of a crash is not said")
    return problems
