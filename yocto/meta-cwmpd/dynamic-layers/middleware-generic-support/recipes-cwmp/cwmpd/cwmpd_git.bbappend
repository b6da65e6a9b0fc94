# SPDX-License-Identifier: Apache-2.0
#
# RDK-E: packages of the middleware layer carry its architecture, so that they get into its feed.
PACKAGE_ARCH = "${MIDDLEWARE_ARCH}"
