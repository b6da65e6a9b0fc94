# SPDX-License-Identifier: Apache-2.0
SUMMARY = "TR-069 (CWMP) management of the device"
DESCRIPTION = "The agent, its command line, and every plugin that the recipe of cwmpd was told to build."
HOMEPAGE = "https://cwmpd.example"
BUGTRACKER = "https://cwmpd.example/issues"
SECTION = "net"

inherit packagegroup

RDEPENDS:${PN} = "\
    cwmpctl \
    cwmpd \
    cwmpd-plugins \
    cwmpd-schemas \
"
