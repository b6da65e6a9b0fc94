# SPDX-License-Identifier: Apache-2.0
#
# What cwmpd needs on any RDK image; for the bbappends of the dynamic layers, which say where state and logs are:
#
#   CWMPD_STATEDIR   the folder of state, on the partition that survives
#   CWMPD_RDK_LOG    the file that the lines of agent and hosts go to, in the image's folder of logs
#   CWMPD_RDK_IDENTITY   a script that prints who the device is, in the folder of this bbappend

CWMPD_IDENTITY_COMMAND = "${libexecdir}/cwmpd-identity"

# Classes of RDK, of which an image may have all or only some.
def cwmpd_rdk_classes(d):
    """Those of the classes that log and crash reports of RDK images are made with that the image has."""
    names = ("syslog-ng-config-gen", "logrotate_config", "breakpad-logmapper")
    return " ".join(name for name in names if bb.utils.which(d.getVar("BBPATH"), "classes/%s.bbclass" % name))

# The names are known at once: nothing of it has to be deferred, which kirkstone cannot do.
# nooelint: oelint.var.inherit.inherit_defer
inherit ${@cwmpd_rdk_classes(d)}

# syslog-ng sorts the journal by unit.
SYSLOG-NG_FILTER = "cwmpd"
SYSLOG-NG_SERVICE_cwmpd = "cwmpd.service ${@' '.join('cwmp-plugin@%s.service' % plugin.replace('-', '_') for plugin in d.getVar('CWMPD_PLUGINS').split())}"
SYSLOG-NG_DESTINATION_cwmpd = "${CWMPD_RDK_LOG}"
SYSLOG-NG_LOGRATE_cwmpd = "medium"

LOGROTATE_NAME = "cwmpd"
LOGROTATE_LOGNAME_cwmpd = "${CWMPD_RDK_LOG}"
LOGROTATE_SIZE_cwmpd = "1572864"
LOGROTATE_ROTATION_cwmpd = "3"
LOGROTATE_SIZE_MEM_cwmpd = "524288"
LOGROTATE_ROTATION_MEM_cwmpd = "1"

# The log to send when one of them crashed, by the name that the kernel has of it, which is cut after 15 letters. There is no
# dump to send: both hold secrets, and leave none.
BREAKPAD_LOGMAPPER_PROCLIST = "cwmpd,cwmp-plugin-hos"
BREAKPAD_LOGMAPPER_LOGLIST = "${CWMPD_RDK_LOG}"

SRC_URI += "file://${CWMPD_RDK_IDENTITY}"

do_install:append () {
    install -D -m 0755 ${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/${CWMPD_RDK_IDENTITY} ${D}${libexecdir}/cwmpd-identity
}
