# SPDX-License-Identifier: Apache-2.0
#
# For whoever is the same on each machine: it says so in the end, whatever else was said, unless libraries of more than one kind are
# built.
python allarch_package_arch_handler () {
    if not d.getVar("MULTILIB_VARIANTS"):
        d.setVar("PACKAGE_ARCH", "all")
}
addhandler allarch_package_arch_handler
allarch_package_arch_handler[eventmask] = "bb.event.RecipePreFinalise"

python () {
    if d.getVar("PACKAGE_ARCH") != "all" and bb.data.inherits_class("packagegroup", d):
        bb.error("%s must say PACKAGE_ARCH before it inherits packagegroup" % d.getVar("PN"))
}
