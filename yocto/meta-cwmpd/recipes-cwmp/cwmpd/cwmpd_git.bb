# SPDX-License-Identifier: Apache-2.0
SUMMARY = "TR-069 (CWMP) agent with a data model of plugins"
SUMMARY:cwmp-plugin-host = "Host of a plugin of the TR-069 data model"
SUMMARY:cwmp-plugin-try = "Tries plugins of the TR-069 data model without agent and bus"
SUMMARY:cwmpctl = "Command line of the TR-069 agent"
SUMMARY:${PN}-schemas = "D-Bus interfaces of the TR-069 agent"
SUMMARY:${PN}-models = "Tables of the standard's TR-069 data models"
SUMMARY:${PN}-plugins = "All plugins of the TR-069 data model that were built"
DESCRIPTION = "Speaks CWMP to an operator's auto configuration server. The data model is served by plugins, each in a \
               process of its own, and by D-Bus services that exist already; people and programs on the device use the \
               same tree over D-Bus."
HOMEPAGE = "https://cwmpd.example"
BUGTRACKER = "https://cwmpd.example/issues"
SECTION = "net"
CVE_PRODUCT = "cwmpd"
# The tables of the standard's data models are under the second.
LICENSE = "Apache-2.0 & BSD-3-Clause"
LIC_FILES_CHKSUM = "file://LICENSE;md5=3b83ef96387f14655fc854ddc3c6bd57 \
                    file://NOTICE;md5=8d1f498237917892005babc6f21ebefb"

# Only before scarthgap does the commit have to be asked for.
PV = "0.1.0+git${@d.getVar('SRCPV') or ''}"

# The layer and the sources are one repository: whoever pins the commit of the layer has pinned that of the sources. Who keeps
# them elsewhere says:
#   CWMPD_SRC = "git://git.example.net/cwmpd.git;protocol=https;branch=main"
#   SRCREV:pn-cwmpd = "..."
CWMPD_SRC ??= "git://${CWMPD_TREE};protocol=file;usehead=1;nobranch=1"
SRC_URI = "${CWMPD_SRC};destsuffix=cwmpd-src"
# nooelint: oelint.vars.autorev
SRCREV ?= "${AUTOREV}"

require cwmpd-crates.inc

# From styhead on sources are unpacked into a folder of their own.
S = "${@d.getVar('UNPACKDIR') or d.getVar('WORKDIR')}/cwmpd-src"

# Useradd comes with the last, which tells it of the users of plugins before.
inherit cargo pkgconfig systemd update-rc.d cwmp_plugin

# What plugins manage comes with them where a layer has it. What is root, or needs features of the distribution, only where it is
# wanted: yocto/README.md tells what each needs.
PACKAGECONFIG ??= "\
    ${@bb.utils.filter('DISTRO_FEATURES', 'systemd sysvinit wifi', d)} \
    ${@bb.utils.contains('BBFILE_COLLECTIONS', 'openembedded-layer', 'hostapd', '', d)} \
    device-info mapping network system-sqlite users wpa-supplicant \
"
# How it is started.
PACKAGECONFIG[systemd] = ""
PACKAGECONFIG[sysvinit] = ""
# Agent and hosts share the image's library, 3.38 or newer, instead of having SQLite in each of them.
PACKAGECONFIG[system-sqlite] = ",,sqlite3"
# The plugins, each a package of its own: the crate that it is made of.
PACKAGECONFIG[device-info] = "-p cwmp-device-info"
PACKAGECONFIG[network] = "-p cwmp-network"
PACKAGECONFIG[users] = "-p cwmp-users"
PACKAGECONFIG[mapping] = "-p cwmp-plugin-mapping"
PACKAGECONFIG[cellular] = "-p cwmp-plugin-mapping"
PACKAGECONFIG[wifi] = "-p cwmp-wifi"
PACKAGECONFIG[storage] = "-p cwmp-storage"
PACKAGECONFIG[demo] = "-p cwmp-demo"
# The services behind them, by the names of their packages.
PACKAGECONFIG[hostapd] = ""
PACKAGECONFIG[modemmanager] = ""
PACKAGECONFIG[nfs-ganesha] = ""
PACKAGECONFIG[samba] = ""
PACKAGECONFIG[smartmontools] = ""
PACKAGECONFIG[udisks2] = ""
PACKAGECONFIG[vsftpd] = ""
PACKAGECONFIG[wpa-supplicant] = ""

CWMPD_KNOWN_PLUGINS = "cellular demo device-info mapping network storage users wifi"
CWMPD_PLUGINS = "${@bb.utils.filter('PACKAGECONFIG', d.getVar('CWMPD_KNOWN_PLUGINS'), d)}"

def cwmpd_left_out(d):
    """The packages of the plugins that are not built."""
    known = d.getVar("CWMPD_KNOWN_PLUGINS").split()
    chosen = d.getVar("CWMPD_PLUGINS").split()
    return " ".join("%s-plugin-%s" % (d.getVar("PN"), plugin) for plugin in known if plugin not in chosen)

# What belongs to the device, on a partition that survives an update of the image.
CWMPD_STATEDIR ??= "${localstatedir}/lib/cwmpd"
# The least that a device needs to find its ACS; more goes into a file of the integrator's, below ${sysconfdir}/cwmpd/cwmpd.d.
CWMPD_ACS_URL ??= ""
# Prints who the device is. Without it ${sysconfdir}/cwmpd/identity.toml says it.
CWMPD_IDENTITY_COMMAND ??= ""

# Members of a workspace, of which tests are no part. The settings of the repository count wherever cargo runs.
CARGO_BUILD_FLAGS += "--config ${S}/.cargo/config.toml -p cwmpd -p cwmp-plugin-host -p cwmpctl ${PACKAGECONFIG_CONFARGS}"

# "z" is smaller and slower; yocto/README.md tells by how much.
CWMPD_OPT_LEVEL ??= "s"
export CARGO_PROFILE_RELEASE_OPT_LEVEL = "${CWMPD_OPT_LEVEL}"

# The profile strips, for others; here the symbols go to -dbg.
export CARGO_PROFILE_RELEASE_STRIP = "none"
export CARGO_PROFILE_RELEASE_DEBUG = "line-tables-only"
require conf/cwmp_debug_paths.inc

# Asked by the crate that brings SQLite, whatever its features are.
export LIBSQLITE3_SYS_USE_PKG_CONFIG = "${@bb.utils.contains('PACKAGECONFIG', 'system-sqlite', '1', '0', d)}"

# Completions are written by the program itself, which does not run here.
EXTRA_OEMAKE = "\
    prefix=${prefix} bindir=${bindir} libexecdir=${libexecdir} libdir=${libdir} includedir=${includedir} datadir=${datadir} \
    sysconfdir=${sysconfdir} localstatedir=${localstatedir} STATEDIR=${CWMPD_STATEDIR} unitdir=${systemd_system_unitdir} \
    CARGO_OUT=${B}/target/${CARGO_TARGET_SUBDIR} CWMPCTL= \
    PLUGINS='${@d.getVar('CWMPD_PLUGINS').replace('-', '_')}' \
    SYSTEMD=${@bb.utils.contains('PACKAGECONFIG', 'systemd', 'yes', 'no', d)} \
    SYSV=${@bb.utils.contains('PACKAGECONFIG', 'sysvinit', 'yes', 'no', d)} \
"

# Not what the class does: it puts libraries where the compiler has its own.
do_install () {
    oe_runmake -C ${S} install DESTDIR=${D}

    # What teams' recipes are made for is what they are built with.
    for part in MAJOR=${CWMP_PLUGIN_ABI_MAJOR} MINOR=${CWMP_PLUGIN_ABI_MINOR}; do
        grep -q "^#define CWMP_ABI_${part%=*} *${part#*=}u" ${D}${includedir}/cwmp_plugin.h ||
            bbfatal "conf/cwmp_plugin_abi.inc does not have the ABI of these sources"
    done

    overlay=${D}${sysconfdir}/cwmpd/cwmpd.d/10-image.toml
    if [ -n "${CWMPD_ACS_URL}" ]; then
        printf '[acs]\nurl = "%s"\n' '${CWMPD_ACS_URL}' >> $overlay
    fi
    if [ -n "${CWMPD_IDENTITY_COMMAND}" ]; then
        printf '[identity]\ncommand = ["%s"]\n' '${CWMPD_IDENTITY_COMMAND}' >> $overlay
    fi
    # It may get a password.
    chown root:cwmpd ${D}${sysconfdir}/cwmpd/cwmpd.toml
    if [ -e $overlay ]; then
        chown root:cwmpd $overlay
        chmod 0640 $overlay
    fi
    # On a partition of its own the folder is made when the agent starts.
    case ${CWMPD_STATEDIR} in
    ${localstatedir}/*)
        chown -R cwmpd:cwmpd ${D}${CWMPD_STATEDIR} ;;
    *)
        rm -r ${D}${CWMPD_STATEDIR}
        above=$(dirname ${CWMPD_STATEDIR})
        (cd ${D} && rmdir -p --ignore-fail-on-non-empty ${above#/}) ;;
    esac
}

SYSTEMD_SERVICE:${PN} = "cwmpd.service"
INITSCRIPT_NAME = "cwmpd"
INITSCRIPT_PARAMS = "defaults 90 10"

USERADD_PACKAGES = "${PN}"
GROUPADD_PARAM:${PN} = "--system cwmp-read; --system cwmp-admin"
USERADD_PARAM:${PN} = "--system --no-create-home --home-dir ${CWMPD_STATEDIR} --shell /bin/false --user-group cwmpd"

# One plugin is one package, so that it can be left out, and updated alone.
CWMP_PLUGIN_PACKAGES = "${@' '.join('cwmpd-plugin-' + plugin for plugin in d.getVar('CWMPD_PLUGINS').split())}"
CWMP_PLUGIN_ROOT = "storage"
CWMP_PLUGIN:${PN}-plugin-device-info = "device_info"
CWMP_PLUGIN:${PN}-plugin-network = "network"
CWMP_PLUGIN:${PN}-plugin-users = "users"
CWMP_PLUGIN:${PN}-plugin-mapping = "mapping"
CWMP_PLUGIN:${PN}-plugin-cellular = "cellular"
CWMP_PLUGIN:${PN}-plugin-wifi = "wifi"
CWMP_PLUGIN:${PN}-plugin-storage = "storage"
CWMP_PLUGIN:${PN}-plugin-demo = "demo"
# The library is that of the mapping, which may be there or not.
CWMP_PLUGIN_LIBRARY:${PN}-plugin-cellular = "${@bb.utils.contains('PACKAGECONFIG', 'mapping', '', 'libcwmp_mapping.so', d)}"

PACKAGES =+ "\
    ${PN}-models \
    ${PN}-plugin-cellular \
    ${PN}-plugin-demo \
    ${PN}-plugin-device-info \
    ${PN}-plugin-mapping \
    ${PN}-plugin-network \
    ${PN}-plugin-storage \
    ${PN}-plugin-users \
    ${PN}-plugin-wifi \
    ${PN}-plugins \
    ${PN}-schemas \
    cwmp-plugin-host \
    cwmp-plugin-try \
    cwmpctl \
"
PACKAGES:remove = "${@cwmpd_left_out(d)}"

FILES:cwmp-plugin-host = "${libexecdir}/cwmp-plugin-host ${systemd_system_unitdir}/cwmp-plugin@.service"
FILES:cwmp-plugin-try = "${libexecdir}/cwmp-plugin-try"
FILES:cwmpctl = "${bindir}/cwmpctl ${datadir}/bash-completion ${datadir}/zsh ${datadir}/fish"
FILES:${PN}-schemas = "${datadir}/dbus-1/interfaces"
FILES:${PN}-models = "${datadir}/cwmpd/models"
FILES:${PN}-plugins = ""
ALLOW_EMPTY:${PN}-plugins = "1"
FILES:${PN}-plugin-mapping += "${datadir}/cwmpd/mappings/hostname.toml ${datadir}/cwmpd/mappings/time.toml"
FILES:${PN}-plugin-cellular += "${datadir}/cwmpd/mappings/cellular.toml"
# With the header, the kit for plugins in Rust.
FILES:${PN}-dev += "${datadir}/cwmpd/kit"
FILES:${PN} += "\
    ${datadir}/dbus-1/system.d/org.cwmpd1.conf \
    ${datadir}/dbus-1/system-services \
    ${prefix}/lib/sysusers.d/cwmpd.conf \
    ${prefix}/lib/tmpfiles.d/cwmpd.conf \
    ${systemd_system_unitdir}/cwmp-plugins.target \
    ${systemd_system_unitdir}/cwmpd.service \
    ${systemd_system_unitdir}/cwmpd-reboot.path \
    ${systemd_system_unitdir}/cwmpd-reboot.service \
"
CONFFILES:${PN} = "${sysconfdir}/cwmpd/cwmpd.toml ${sysconfdir}/cwmpd/cwmpd.d/10-image.toml"

RDEPENDS:${PN} = "${PN}-models dbus"
RDEPENDS:cwmp-plugin-try = "cwmp-plugin-host"
RDEPENDS:${PN}-plugins = "${CWMP_PLUGIN_PACKAGES}"
# Plugins are built with it, without the programs.
RDEPENDS:${PN}-dev = ""
RDEPENDS:${PN}-plugin-mapping = "${PN}-models"
RDEPENDS:${PN}-plugin-cellular = "${PN}-models ${@bb.utils.contains('PACKAGECONFIG', 'mapping', '${PN}-plugin-mapping', '', d)}"
# By what the agent knows its ACS, unless the configuration says otherwise.
RRECOMMENDS:${PN} = "ca-certificates"
RRECOMMENDS:${PN}-plugin-cellular = "${@bb.utils.filter('PACKAGECONFIG', 'modemmanager', d)}"
RRECOMMENDS:${PN}-plugin-wifi = "${@bb.utils.filter('PACKAGECONFIG', 'hostapd wpa-supplicant', d)}"
RRECOMMENDS:${PN}-plugin-storage = "e2fsprogs-mke2fs ${@bb.utils.filter('PACKAGECONFIG', 'nfs-ganesha samba smartmontools udisks2 vsftpd', d)}"

# What a plugin is made for, by every minor version that this host still loads.
RPROVIDES:cwmp-plugin-host = "${@' '.join('cwmp-plugin-abi-%s.%d' % (d.getVar('CWMP_PLUGIN_ABI_MAJOR'), minor) for minor in range(int(d.getVar('CWMP_PLUGIN_ABI_MINOR')) + 1))}"

# What runs has the host of before: each gets the new one, and none is started that was not there.
pkg_postinst:cwmp-plugin-host () {
#!/bin/sh
if [ -z "$D" ]; then
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        systemctl --no-block try-restart 'cwmp-plugin@*.service' || :
    elif [ -x ${sysconfdir}/init.d/cwmpd ]; then
        # The agent starts the hosts.
        ${sysconfdir}/init.d/cwmpd restart || :
    fi
fi
}
