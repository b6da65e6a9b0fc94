# SPDX-License-Identifier: Apache-2.0
#
# A recipe that makes a plugin of cwmpd in Rust, with the kit: cargo builds it, and its files are installed. The plugin's Cargo.toml
# has `cwmp-plugin-sdk = "0.1"`, its manifest is NAME.toml beside it, and a file NAME.conf, if there is one, is the drop-in of
# its unit. Its Cargo.lock goes into the recipe by `yocto/crates`. What cwmp_plugin.bbclass says counts here, too.

inherit cargo cwmp_plugin

# For the kit in its -dev package.
DEPENDS += "cwmpd"
CWMP_PLUGIN_KIT = "${STAGING_DATADIR}/cwmpd/kit"

# The kit is not on crates.io. Cargo takes what is said here for what the lock file has.
do_configure:append () {
    cat > ${WORKDIR}/cwmp-plugin-kit.toml << END
[patch.crates-io]
cwmp-plugin-sdk = { path = "${CWMP_PLUGIN_KIT}/plugins/sdk" }
END
}
CARGO_BUILD_FLAGS += "--config ${WORKDIR}/cwmp-plugin-kit.toml"

# The profile may strip; here the symbols go to -dbg.
export CARGO_PROFILE_RELEASE_STRIP = "none"
export CARGO_PROFILE_RELEASE_DEBUG = "line-tables-only"
require conf/cwmp_debug_paths.inc

# Not what the class does: it puts libraries where the compiler has its own.
do_install () {
    for name in ${@' '.join(cwmp_plugin_names(d, d.getVar('PN')))}; do
        manifest=${S}/$name.toml
        [ -e $manifest ] || bbfatal "$manifest is missing: the manifest of the plugin $name"
        library=$(sed -n 's/^library *= *"\(.*\)"/\1/p' $manifest)
        rights=
        [ ! -e ${S}/$name.conf ] || rights=${S}/$name.conf
        cwmp_plugin_install $name ${B}/target/${CARGO_TARGET_SUBDIR}/$library $manifest $rights
    done
}
