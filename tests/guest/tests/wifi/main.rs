//! The WiFi of a box: from a scripted ACS through agent, bus and plugin to hostapd, wpa_supplicant and the air, and back.

mod access_point;
mod managed;
mod neighbours;
mod restarts;
mod station;
