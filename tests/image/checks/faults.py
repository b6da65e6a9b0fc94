# SPDX-License-Identifier: Apache-2.0
"""Faults that the checks must find: a check that cannot fail says nothing."""
import re

LAYER = "yocto/meta-cwmpd/"
RECIPE = LAYER + "recipes-cwmp/cwmpd/cwmpd_git.bb"
CRATES = LAYER + "recipes-cwmp/cwmpd/cwmpd-crates.inc"
GROUP = LAYER + "recipes-cwmp/packagegroups/packagegroup-cwmpd.bb"
CLASS = LAYER + "classes/cwmp_plugin.bbclass"
EXAMPLE = "yocto/meta-cwmpd-example/recipes-plugins/"


class Fault:
    """A change of one file, which a check has to complain of in these words."""

    def __init__(self, check, name, file, old, new, complaint):
        self.check, self.name, self.file, self.old, self.new, self.complaint = check, name, file, old, new, complaint

    def __str__(self):
        return f"{self.check} finds {self.name}"

    def missed(self, tree, run):
        """What is wrong with the check, if anything. The file is as before afterwards."""
        file = tree.path(self.file)
        before = file.read_text(encoding="utf-8")
        after, count = re.subn(self.old, lambda _: self.new, before, count=1, flags=re.M)
        if not count:
            return [f"{self.file} has nothing like {self.old}: the fault has to be thought of anew"]
        file.write_text(after, encoding="utf-8")
        try:
            problems = run()
        finally:
            file.write_text(before, encoding="utf-8")
        if any(re.search(self.complaint, problem) for problem in problems):
            return []
        return [f"it says nothing of {self.complaint}, but:", *problems[:5]] if problems else ["it finds nothing"]


FAULTS = [
    Fault("crates", "a crate that was updated in the lock file alone", "Cargo.lock", r'(?<=name = "bytes"\nversion = ")[^"]*', "1.99.0",
          "missing: .*bytes/1.99.0"),
    Fault("crates", "a checksum that is another", CRATES, r'(?<=sha256sum\] = ")....', "0000", "missing: .*sha256sum"),
    Fault("crates", "a crate that is not from crates.io", "Cargo.lock", r"registry\+https://github.com/rust-lang/crates.io-index",
          "git+https://example.net/x", "only crates.io"),
    Fault("recipes", "a class that is not there", RECIPE, r"^inherit cargo", "inherit carg0", "carg0"),
    Fault("recipes", "an override of old that BitBake refuses", RECIPE, r"^SRCREV \?=", 'SRC_URI_append = " x"\nSRCREV ?=', "_append"),
    Fault("recipes", "an override of old that BitBake takes", RECIPE, r"^SYSTEMD_SERVICE:", "SYSTEMD_SERVICE_", "SYSTEMD_SERVICE"),
    Fault("recipes", "an include file that is not there", RECIPE, r"^require cwmpd-crates", "require cwmpd-boxes", "cwmpd-boxes"),
    Fault("recipes", "a line that is none", RECIPE, r"^SECTION = ", "SECTION  is ", "unparsed line"),
    Fault("recipes", "a licence that has changed", "LICENSE", r"Apache License", "Apache Licence", "LIC_FILES_CHKSUM of LICENSE"),
    Fault("recipes", "a release that the layer is not for", LAYER + "conf/layer.conf", r"(?<=kirkstone) scarthgap", "", "not compatible|scarthgap"),
    Fault("recipes", "sources that one release unpacks elsewhere", RECIPE, r"^S = .*", 'S = "${WORKDIR}/cwmpd-src"', "wrynose.*S is|WORKDIR"),
    Fault("recipes", "a choice that is not declared", RECIPE, r"^PACKAGECONFIG\[users\].*\n", "", "PACKAGECONFIG has users"),
    Fault("recipes", "a package that nobody has", RECIPE, r"^RDEPENDS:\$\{PN\} = \"", 'RDEPENDS:${PN} = "dbuss ', "nothing provides dbuss"),
    Fault("recipes", "a version that is not that of the sources", RECIPE, r'^PV = "0.1.0', 'PV = "0.0.9', "PV is 0.0.9"),
    Fault("recipes", "a library that is used and not built before", RECIPE, r'",,sqlite3"$', '""', "DEPENDS is"),
    Fault("recipes", "a library that is built and not used", RECIPE, r"^export LIBSQLITE3_SYS", "LIBSQLITE3_SYS", "SQLite is looked for with"),
    Fault("recipes", "an append without its file", LAYER + "dynamic-layers/video/recipes-cwmp/cwmpd/cwmpd_git.bbappend", r"identity-rdkv.sh",
          "identity-rdk.sh", "there is no file identity-rdk.sh"),
    Fault("recipes", "a service whose features the distribution does not have", RECIPE, r"'hostapd', '', d\)", "'hostapd storage udisks2', '', d)",
          "nothing provides udisks2"),
    Fault("recipes", "a plugin that is root and was not chosen", RECIPE, r"^    device-info mapping", "    storage device-info mapping",
          "storage is in the image"),
    Fault("recipes", "an agent that trusts nobody", RECIPE, r'^RRECOMMENDS:\$\{PN\} = "ca-certificates"\n', "", "ca-certificates.crt"),
    Fault("recipes", "an architecture that is said too late", GROUP, r"^PACKAGE_ARCH = .*\n+inherit packagegroup\n",
          "inherit packagegroup\nPACKAGE_ARCH = \"${@d.getVar('MIDDLEWARE_ARCH') or 'all'}\"\n", "PACKAGE_ARCH is all"),
    Fault("recipes", "an architecture that the class does not expect", GROUP, r"^PACKAGE_ARCH = .*\n+inherit packagegroup\n",
          "inherit packagegroup\nPACKAGE_ARCH = \"${@d.getVar('MIDDLEWARE_ARCH') or 'all'}\"\n", "must say PACKAGE_ARCH before"),
    Fault("recipes", "users that are said too late", RECIPE, r"^inherit cargo pkgconfig", "inherit useradd cargo pkgconfig", "useradd sees"),
    Fault("recipes", "symbols that the newest release refuses", LAYER + "conf/cwmp_debug_paths.inc", r"^INSANE_SKIP.*\n", "",
          "acme-load: symbols may name"),
    Fault("fetch", "a crate without a checksum", CRATES, r"^SRC_URI\[bytes-.*\n", "", "checksum|bytes"),
    Fault("fetch", "a crate with another checksum", CRATES, r'(?<=sha256sum\] = ")....', "0000", "hecksum|etwork"),
    Fault("lint", "a name that is misspelt", EXAMPLE + "acme-entropy/acme-entropy_1.0.bb", r"^SECTION = ", "SECTON = ", "SECTON"),
    Fault("packages", "a file that is in no package", "Makefile", r"^install-ctl:$",
          "install-ctl:\n\t$(INSTALL) -D -m 644 LICENSE $(DESTDIR)/usr/games/licence", "/usr/games/licence is in no package"),
    Fault("packages", "another ABI than that of the header", LAYER + "conf/cwmp_plugin_abi.inc", r"MINOR = \"\d+", 'MINOR = "77', "does not have the ABI"),
    Fault("packages", "a plugin whose user nobody makes", "plugins/users/users.toml", r'^user = .*', 'user = "cwmp-others"', "make the user cwmp-others"),
    Fault("packages", "an update that starts everything anew", CLASS, r"cwmp-plugin@\$name.service(?=\" \|\| :\n        done\n    elif)",
          "cwmp-plugins.target", "cwmpd-plugin-users, on an update"),
    Fault("packages", "an update that leaves the hosts of before", RECIPE, r"^ +systemctl --no-block try-restart 'cwmp-plugin@.*\n", "",
          "cwmp-plugin-host, on an update"),
    Fault("packages", "a script that reaches out of an image", RECIPE, r'^if \[ -z "\$D" \]; then(?=\n    if \[ -d /run/systemd/system \]; then\n        systemctl daemon-reload\n        systemctl --no-block try)',
          "if true; then", "cwmp-plugin-host, while an image"),
    Fault("packages", "a configuration that everybody reads", "Makefile", r"chmod 640", "chmod 644", "everybody reads cwmpd.toml"),
    Fault("plugins", "a header that is not installed", "Makefile", r"^\t\$\(INSTALL_DATA\) plugins/abi/include/cwmp_plugin.h.*\n", "",
          "cwmp_plugin.h"),
    Fault("plugins", "a manifest with another user", EXAMPLE + "acme-entropy/files/acme-entropy/acme_entropy.toml", r'^user = .*',
          'user = "root"', "does not say that the user is"),
    Fault("units", "a key that systemd does not know", "agent/system/systemd/cwmpd.service", r"^Restart=always", "Restrt=always", "Restrt"),
    Fault("units", "a right too many", "agent/system/systemd/cwmpd.service",
          r"^CapabilityBoundingSet=\nAmbientCapabilities=\nPrivateDevices=yes\nProtectClock=yes\n", "", "cwmpd.service: .*exposure"),
    Fault("units", "a right too many of a host", "agent/system/systemd/cwmp-plugin@.service", r"^CapabilityBoundingSet=\nAmbientCapabilities=\nPrivateDevices=yes\nProtectClock=yes\n", "",
          "cwmp-plugin@.*exposure"),
    Fault("policy", "an element that there is not", "bus-schemas/policy/org.cwmpd1.conf", r"<allow own=\"org.cwmpd1\"/>", '<permit own="org.cwmpd1"/>',
          "permit"),
    Fault("policy", "an attribute that there is not", "bus-schemas/policy/org.cwmpd1.Provider.NAME.conf.in", r"<allow own=", "<allow owns=", "owns|attribute"),
    Fault("licences", "a licence that is not allowed", "deny.toml", r'^    "MIT",\n', "", "is under MIT"),
]
