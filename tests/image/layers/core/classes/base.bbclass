# SPDX-License-Identifier: Apache-2.0
def base_filespath(d):
    """Where `file://` is looked for: what appends put before, then the folders beside the recipe."""
    folder = os.path.dirname(d.getVar("FILE", False))
    own = [os.path.join(folder, name) for name in (d.getVar("BP"), d.getVar("BPN"), "files")]
    more = d.getVar("FILESEXTRAPATHS").split(":")
    return ":".join([path for path in more if path and path != "__default"] + own)

bbnote () {
	echo "NOTE: $*"
}

bbfatal () {
	echo "ERROR: $*"
	exit 1
}

oe_runmake () {
	make ${EXTRA_OEMAKE} "$@" || bbfatal "make failed"
}

base_do_configure () {
	:
}

base_do_compile () {
	:
}

base_do_install () {
	:
}

EXPORT_FUNCTIONS do_configure do_compile do_install

addtask do_configure
addtask do_compile after do_configure
addtask do_install after do_compile

PACKAGECONFIG_CONFARGS = ""
# The arguments of what is chosen, and what has to be built before.
python () {
    flags = d.getVarFlags("PACKAGECONFIG") or {}
    known = {flag for flag in flags if flag not in ("doc", "filename", "lineno")}
    chosen = (d.getVar("PACKAGECONFIG") or "").split()
    for name in chosen:
        if name not in known:
            bb.fatal("%s: PACKAGECONFIG has %s, which is not declared" % (d.getVar("PN"), name))
    arguments = []
    for name in sorted(known):
        parts = (flags[name] or "").split(",") + ["", "", ""]
        arguments.append(parts[0] if name in chosen else parts[1])
        if name in chosen:
            d.appendVar("DEPENDS", " " + parts[2])
    d.appendVar("PACKAGECONFIG_CONFARGS", " " + " ".join(argument for argument in arguments if argument))
}
