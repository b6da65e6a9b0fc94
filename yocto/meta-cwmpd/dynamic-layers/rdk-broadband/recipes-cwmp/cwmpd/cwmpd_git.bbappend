# SPDX-License-Identifier: Apache-2.0
#
# RDK-B: the root file system is read-only, what must survive is in /nvram, logs are in /rdklogs/logs.
FILESEXTRAPATHS:prepend := "${THISDIR}/files:"

CWMPD_STATEDIR = "/nvram/cwmpd"
CWMPD_RDK_LOG = "CWMPDlog.txt.0"
CWMPD_RDK_IDENTITY = "identity-rdkb.sh"

inherit cwmpd_rdk
