# SPDX-License-Identifier: Apache-2.0
#
# Packages that bring plugins of cwmpd: from the tree of cwmpd, or from a component team's own recipe.
#
#   CWMP_PLUGIN_PACKAGES       the packages with plugins; ${PN} alone, if nothing is said
#   CWMP_PLUGIN:package        the names of the plugins in a package, as their manifests say; the recipe's name, if nothing is said
#   CWMP_PLUGIN_ROOT           those whose host runs as root, by their manifest; the others get the user cwmp-NAME
#   CWMP_PLUGIN_GROUPS         other groups for those users: "cwmp-read" for a plugin that reads parameters of others
#   CWMP_PLUGIN_LIBRARY:package  the file name of the library, libcwmp_NAME.so if nothing is said
#
# A package has the plugin's files, depends on a host that can load it, makes its user, and restarts its unit, and no other, when
# it is installed or updated on a running device. `cwmp_plugin_install` puts the files there, for a recipe that has no `make install`.

require conf/cwmp_plugin_abi.inc

CWMP_PLUGIN_PACKAGES ?= "${PN}"
CWMP_PLUGIN_ROOT ?= ""
CWMP_PLUGIN_GROUPS ?= ""
CWMP_PLUGIN_DIR = "${libdir}/cwmpd/plugins"
CWMP_PLUGIN_SYSUSERSDIR = "${prefix}/lib/sysusers.d"
# A host with a newer minor version will do, one with another major version will not.
CWMP_PLUGIN_ABI = "cwmp-plugin-abi-${CWMP_PLUGIN_ABI_MAJOR}.${CWMP_PLUGIN_ABI_MINOR}"

def cwmp_plugin_names(d, package):
    """The plugins of a package."""
    return (d.getVar("CWMP_PLUGIN:" + package) or d.getVar("BPN").replace("-", "_")).split()

def cwmp_plugin_user(d, name):
    """The user of a plugin's host, as its manifest says it."""
    return "root" if name in d.getVar("CWMP_PLUGIN_ROOT").split() else "cwmp-" + name

def cwmp_plugin_files(d, package):
    """Everything that belongs to the plugins of a package, as `make install` of cwmpd and cwmp_plugin_install put it."""
    files = []
    for name in cwmp_plugin_names(d, package):
        library = d.getVar("CWMP_PLUGIN_LIBRARY:" + package) or "libcwmp_%s.so" % name
        files += ["${CWMP_PLUGIN_DIR}/" + library,
                  "${CWMP_PLUGIN_DIR}/%s.toml" % name,
                  "${datadir}/dbus-1/system.d/org.cwmpd1.Provider.%s.conf" % name,
                  "${systemd_system_unitdir}/cwmp-plugins.target.wants/cwmp-plugin@%s.service" % name,
                  "${systemd_system_unitdir}/cwmp-plugin@%s.service" % name,
                  "${systemd_system_unitdir}/cwmp-plugin@%s.service.d" % name,
                  "${CWMP_PLUGIN_SYSUSERSDIR}/cwmp-plugin-%s.conf" % name]
    return " ".join(files)

# @NAMES@ are the plugins of the package. On a build host there is nothing to start: the links of the package do it at boot.
cwmp_plugin_postinst() {
if [ -z "$D" ]; then
    if [ -d /run/systemd/system ]; then
        systemctl daemon-reload
        # The bus has to know the user and its rights, the agent the manifest, before the host asks for its name.
        systemctl reload dbus.service || :
        systemctl try-reload-or-restart cwmpd.service || :
        for name in @NAMES@; do
            systemctl --no-block restart "cwmp-plugin@$name.service" || :
        done
    elif [ -x ${sysconfdir}/init.d/cwmpd ]; then
        # The agent starts the hosts.
        ${sysconfdir}/init.d/cwmpd restart || :
    fi
fi
}

cwmp_plugin_prerm() {
if [ -z "$D" ] && [ "$1" != upgrade ] && [ -d /run/systemd/system ]; then
    for name in @NAMES@; do
        systemctl stop "cwmp-plugin@$name.service" || :
    done
fi
}

cwmp_plugin_postrm() {
if [ -z "$D" ] && [ "$1" != upgrade ] && [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-reload-or-restart cwmpd.service || :
fi
}

# Before useradd looks at what is set. There are as many packages as a recipe says.
# nooelint: oelint.task.noanonpython
python () {
    users = []
    for package in d.getVar("CWMP_PLUGIN_PACKAGES").split():
        names = cwmp_plugin_names(d, package)
        d.appendVar("FILES:" + package, " " + cwmp_plugin_files(d, package))
        # Not ${PN}'s package alone: an update of one plugin must not wait for another.
        d.appendVar("RDEPENDS:" + package, " cwmp-plugin-host ${CWMP_PLUGIN_ABI}")
        for script in ("postinst", "prerm", "postrm"):
            text = d.getVar("cwmp_plugin_" + script, False).replace("@NAMES@", " ".join(names))
            variable = "pkg_%s:%s" % (script, package)
            d.setVar(variable, (d.getVar(variable, False) or "#!/bin/sh\n") + text)
        wanted = [cwmp_plugin_user(d, name) for name in names]
        wanted = [user for user in wanted if user != "root"]
        if wanted:
            groups = ",".join(d.getVar("CWMP_PLUGIN_GROUPS").split())
            groups = " -G " + groups if groups else ""
            # The groups belong to cwmpd, which need not be installed before.
            if groups:
                d.setVar("GROUPADD_PARAM:" + package, "; ".join("-r " + group for group in d.getVar("CWMP_PLUGIN_GROUPS").split()))
            params = ["--system --no-create-home --home-dir /nonexistent --shell /bin/false --user-group%s %s" % (groups, user) for user in wanted]
            d.setVar("USERADD_PARAM:" + package, "; ".join(params))
            users.append(package)
    if users:
        d.setVar("USERADD_PACKAGES", " ".join((d.getVar("USERADD_PACKAGES") or "").split() + users))
}

inherit useradd

# cwmp_plugin_install NAME LIBRARY MANIFEST [RIGHTS]: the files of a plugin. RIGHTS is a drop-in for its unit, with what the plugin may
# do beside what cwmp-plugin@.service leaves to all of them.
cwmp_plugin_install () {
    name=$1
    user=cwmp-$name
    case " ${CWMP_PLUGIN_ROOT} " in *" $name "*) user=root ;; esac
    grep -q "^name *= *\"$name\"" "$3" || bbfatal "$3 is not the manifest of $name"
    grep -q "^user *= *\"$user\"" "$3" || bbfatal "$3 does not say that the user is $user"
    install -d ${D}${CWMP_PLUGIN_DIR} ${D}${datadir}/dbus-1/system.d
    install -m 0755 "$2" ${D}${CWMP_PLUGIN_DIR}/$(sed -n 's/^library *= *"\(.*\)"/\1/p' "$3")
    install -m 0644 "$3" ${D}${CWMP_PLUGIN_DIR}/$name.toml
    sed -e "s|@NAME@|$name|g" -e "s|@USER@|$user|g" ${STAGING_DATADIR}/cwmpd/kit/org.cwmpd1.Provider.NAME.conf.in \
        > ${D}${datadir}/dbus-1/system.d/org.cwmpd1.Provider.$name.conf
    if ${@bb.utils.contains('DISTRO_FEATURES', 'systemd', 'true', 'false', d)}; then
        if [ $user != root ]; then
            install -d ${D}${CWMP_PLUGIN_SYSUSERSDIR}
            echo "u $user - \"TR-069 plugin $name\"" > ${D}${CWMP_PLUGIN_SYSUSERSDIR}/cwmp-plugin-$name.conf
        fi
        install -d ${D}${systemd_system_unitdir}/cwmp-plugins.target.wants
        ln -sf ../cwmp-plugin@.service ${D}${systemd_system_unitdir}/cwmp-plugins.target.wants/cwmp-plugin@$name.service
        if [ -n "$4" ]; then
            install -D -m 0644 "$4" ${D}${systemd_system_unitdir}/cwmp-plugin@$name.service.d/10-rights.conf
        fi
    fi
}
