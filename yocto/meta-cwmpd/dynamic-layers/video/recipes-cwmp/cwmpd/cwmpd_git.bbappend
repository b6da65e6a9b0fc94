# SPDX-License-Identifier: Apache-2.0
#
# RDK-V: the root file system is read-only, secrets are in /opt/secure, logs in /opt/logs.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"

CWMPD_STATEDIR = "/opt/secure/cwmpd"
CWMPD_RDK_LOG = "cwmpd.log"
CWMPD_RDK_IDENTITY = "identity-rdkv.sh"

inherit cwmpd_rdk
