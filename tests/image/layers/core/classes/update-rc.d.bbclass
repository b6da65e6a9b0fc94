# SPDX-License-Identifier: Apache-2.0
python () {
    if not d.getVar("INITSCRIPT_PACKAGES") and not d.getVar("INITSCRIPT_NAME"):
        bb.fatal("INITSCRIPT_NAME is not set")
}
