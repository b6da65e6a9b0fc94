//! `Device.WiFi.`: radios by the kernel, access points by hostapd or wpa_supplicant, stations by wpa_supplicant.
//!
//! ```text
//!   nl80211 -----------+                           +--> hostapd (control sockets)
//!   hostapd -----------+--> facts --> tree         +--> wpa_supplicant (D-Bus)
//!   wpa_supplicant ----+               ^           |
//!                       settings ------+--> plan --+--> nl80211
//! ```
//!
//! What is set becomes a plan of a whole radio, and a back end makes it true: several values are one change of the air, and
//! what is refused is the plan before, made true again. Changes of the services and of the kernel are pushed; only counters
//! are asked for when somebody wants them.
#![forbid(unsafe_code)]

mod back_end;
mod back_ends;
mod bases;
mod check;
mod counters;
mod cut_off;
mod enforce;
#[allow(dead_code)]
mod facts;
mod hostapd;
mod latest;
mod neighbours;
mod nl80211;
mod objects;
mod places;
#[allow(dead_code)]
mod plan;
mod planner;
mod plugin;
mod row_id;
mod serve;
mod snapshot;
mod supplicant;
#[cfg(test)]
mod tests;
mod tree;
mod view;
mod watch;
mod wish;
mod words;
mod world;
