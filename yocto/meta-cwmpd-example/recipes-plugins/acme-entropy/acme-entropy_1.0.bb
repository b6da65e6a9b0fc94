# SPDX-License-Identifier: Apache-2.0
SUMMARY = "TR-069 parameters of the kernel's entropy, as an example of a plugin in C"
DESCRIPTION = "Serves Device.X_ACME_Entropy. It needs a C compiler and the header of cwmpd, and nothing else."
HOMEPAGE = "https://cwmpd.example"
BUGTRACKER = "https://cwmpd.example/issues"
SECTION = "net"
CVE_PRODUCT = ""
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://acme_entropy.c;beginline=1;endline=1;md5=ba3eedb76f290442c6b8f1fe48168aa6"

# The header, by pkg-config.
DEPENDS = "cwmpd"

SRC_URI = "file://acme-entropy"

# From styhead on sources are unpacked into a folder of their own.
S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/acme-entropy"

inherit pkgconfig cwmp_plugin

EXTRA_OEMAKE = "OUT=${B}"

do_compile () {
    oe_runmake -C ${S}
}

do_install () {
    cwmp_plugin_install acme_entropy ${B}/libcwmp_acme_entropy.so ${S}/acme_entropy.toml
}
