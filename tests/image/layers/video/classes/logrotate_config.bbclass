# SPDX-License-Identifier: Apache-2.0
python () {
    for name in d.getVar("LOGROTATE_NAME").split():
        for part in ("LOGNAME", "SIZE", "ROTATION", "SIZE_MEM", "ROTATION_MEM"):
            if not d.getVar("LOGROTATE_%s_%s" % (part, name)):
                bb.fatal("LOGROTATE_%s_%s is not set" % (part, name))
}
FILES:${PN} += "${sysconfdir}/*"
