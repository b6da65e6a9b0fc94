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

#[allow(dead_code)]
mod back_end;
#[allow(dead_code)]
mod facts;
#[allow(dead_code)]
mod hostapd;
#[allow(dead_code)]
mod nl80211;
#[allow(dead_code)]
mod plan;
#[allow(dead_code)]
mod supplicant;
