# SPDX-License-Identifier: Apache-2.0
LICENSE ?= "MIT"
PACKAGE_ARCH ?= "all"
PACKAGES = "${PN}"
ALLOW_EMPTY:${PN} = "1"
