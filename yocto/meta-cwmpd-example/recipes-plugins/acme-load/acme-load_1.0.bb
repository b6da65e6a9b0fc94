# SPDX-License-Identifier: Apache-2.0
SUMMARY = "TR-069 parameters of the machine's load, as an example of a plugin in Rust"
DESCRIPTION = "Serves Device.X_ACME_Load. with the kit of cwmpd: what it may not do is told by the compiler."
HOMEPAGE = "https://cwmpd.example"
BUGTRACKER = "https://cwmpd.example/issues"
SECTION = "net"
CVE_PRODUCT = ""
LICENSE = "Apache-2.0"
LIC_FILES_CHKSUM = "file://src/lib.rs;beginline=1;endline=1;md5=4f8ec6e05e980b2ef6a75510c6499cca"

require acme-load-crates.inc
SRC_URI += "file://acme-load"

# From styhead on sources are unpacked into a folder of their own.
S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/acme-load"

inherit cwmp_plugin_rust
