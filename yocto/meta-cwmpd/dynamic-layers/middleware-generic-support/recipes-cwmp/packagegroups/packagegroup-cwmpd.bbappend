# SPDX-License-Identifier: Apache-2.0
PACKAGE_ARCH = "${MIDDLEWARE_ARCH}"
