# SPDX-License-Identifier: Apache-2.0
pkg_postinst:${PN}:append () {
    echo "${BREAKPAD_LOGMAPPER_PROCLIST}=${BREAKPAD_LOGMAPPER_LOGLIST}" >> $D${sysconfdir}/breakpad-logmapper.conf
}
