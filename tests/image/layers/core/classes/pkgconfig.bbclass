# SPDX-License-Identifier: Apache-2.0
DEPENDS:prepend = "pkgconfig-native "
