# SPDX-License-Identifier: Apache-2.0
SUMMARY = "TR-069 (CWMP) management of the device"
DESCRIPTION = "The agent, its command line, and every plugin that the recipe of cwmpd was told to build."
HOMEPAGE = "https://cwmpd.example"
BUGTRACKER = "https://cwmpd.example/issues"
SECTION = "net"

# The class decides by it what it is. RDK-E has feeds by the architecture of a layer; elsewhere it is the class's default.
PACKAGE_ARCH = "${@d.getVar('MIDDLEWARE_ARCH') or 'all'}"

inherit packagegroup

RDEPENDS:${PN} = "\
    cwmpctl \
    cwmpd \
    cwmpd-plugins \
    cwmpd-schemas \
"
