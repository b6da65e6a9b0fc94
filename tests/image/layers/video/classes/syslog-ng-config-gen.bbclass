# SPDX-License-Identifier: Apache-2.0
#
# RDK's classes make files of these variables; here they only have to be there.
python () {
    for name in d.getVar("SYSLOG-NG_FILTER").split():
        for part in ("SERVICE", "DESTINATION", "LOGRATE"):
            if not d.getVar("SYSLOG-NG_%s_%s" % (part, name)):
                bb.fatal("SYSLOG-NG_%s_%s is not set" % (part, name))
}
FILES:${PN} += "${sysconfdir}/syslog-ng/*"
