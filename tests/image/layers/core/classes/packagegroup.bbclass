# SPDX-License-Identifier: Apache-2.0
LICENSE ?= "MIT"
PACKAGES = "${PN}"
ALLOW_EMPTY:${PN} = "1"

PACKAGE_ARCH ?= "all"
# What it is by now: what is said after this line comes too late.
PACKAGE_ARCH_EXPANDED := "${PACKAGE_ARCH}"
inherit ${@'allarch' if d.getVar('PACKAGE_ARCH_EXPANDED') == 'all' else ''}
