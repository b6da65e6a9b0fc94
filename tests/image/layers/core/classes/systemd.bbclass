# SPDX-License-Identifier: Apache-2.0
SYSTEMD_PACKAGES ?= "${PN}"

python () {
    for package in d.getVar("SYSTEMD_PACKAGES").split():
        if package not in d.getVar("PACKAGES").split():
            bb.fatal("%s is in SYSTEMD_PACKAGES, but no package" % package)
        if not d.getVar("SYSTEMD_SERVICE:" + package):
            bb.fatal("SYSTEMD_SERVICE:%s is not set" % package)
}
