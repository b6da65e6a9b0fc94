# SPDX-License-Identifier: Apache-2.0
python () {
    if not d.getVar("USERADD_PACKAGES"):
        bb.fatal("USERADD_PACKAGES is not set")
    # What it has seen; what is added later gets no users.
    d.setVar("SEEN_BY_USERADD", d.getVar("USERADD_PACKAGES"))
    for package in d.getVar("USERADD_PACKAGES").split():
        if not (d.getVar("USERADD_PARAM:" + package) or d.getVar("GROUPADD_PARAM:" + package)):
            bb.fatal("no user or group of %s is said" % package)
}
