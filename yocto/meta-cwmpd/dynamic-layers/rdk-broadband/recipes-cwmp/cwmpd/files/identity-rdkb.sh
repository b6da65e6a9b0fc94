#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Who an RDK-B device is, as cwmpd wants to know it. What /etc/device.properties says as CWMP_MANUFACTURER, CWMP_OUI,
# CWMP_PRODUCT_CLASS, CWMP_MODEL_NAME, CWMP_SERIAL_NUMBER or CWMP_HARDWARE_VERSION counts; the rest is asked for.
set -u
properties=${CWMP_DEVICE_PROPERTIES:-/etc/device.properties}
[ ! -r "$properties" ] || . "$properties"

device() { deviceinfo.sh "$1" 2>/dev/null | tr -d '\r\n'; }
# A text of TOML.
line() { printf '%s = "%s"\n' "$1" "$(printf %s "$2" | sed 's/[\\"]/\\&/g')"; }

oui=${CWMP_OUI:-$(device -cmac | tr -d ':' | cut -c 1-6 | tr 'a-f' 'A-F')}
model=${CWMP_MODEL_NAME:-$(device -mo)}
serial=${CWMP_SERIAL_NUMBER:-$(device -sn)}

# Without these the agent would be somebody else to its ACS once they are known: better none at all. A device that has no class
# says so, with CWMP_PRODUCT_CLASS= in the properties.
class=${CWMP_PRODUCT_CLASS-$model}
[ -n "$oui" ] && [ -n "$serial" ] && [ -n "$class${CWMP_PRODUCT_CLASS+set}" ] ||
    { echo "neither deviceinfo.sh nor $properties has OUI, serial number and product class" >&2; exit 1; }

line manufacturer "${CWMP_MANUFACTURER:-${MANUFACTURE:-}}"
line oui "$oui"
line product_class "$class"
line model_name "$model"
line serial_number "$serial"
line hardware_version "${CWMP_HARDWARE_VERSION:-}"
