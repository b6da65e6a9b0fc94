//! What the hostapd that runs can do.
//!
//! No command tells that. But it has interfaces that were never switched on, whose settings are nothing but settings: on one of
//! those, made for it, every word is tried that a build may lack.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::network::{key_mgmt, WPS_METHODS};
use super::socket::Conversation;
use super::Hostapd;
use crate::back_end::{ApAbilities, Failure};
use crate::plan::Mode;

/// The most networks of one radio that hostapd has, where the kernel does not say less.
pub(super) const MANY: u32 = 16;

/// The name of the interface that is never switched on. No device has it.
const SCRATCH: &str = "cwmp-probe";

const MODES: [Mode; 11] = [
    Mode::None,
    Mode::WpaPersonal,
    Mode::Wpa2Personal,
    Mode::Wpa3Personal,
    Mode::WpaWpa2Personal,
    Mode::Wpa3PersonalTransition,
    Mode::WpaEnterprise,
    Mode::Wpa2Enterprise,
    Mode::Wpa3Enterprise,
    Mode::WpaWpa2Enterprise,
    Mode::Owe,
];

/// What is believed of a hostapd that cannot be tried: all of it. What it lacks it then refuses.
pub(super) fn without_asking() -> ApAbilities {
    ApAbilities {
        networks: 1,
        modes: MODES.to_vec(),
        wps: WPS_METHODS.to_vec(),
        chooses_channel: true,
        lists: true,
    }
}

impl Hostapd {
    /// Finds out what this hostapd can do, if that is another one than last time.
    pub(super) async fn probe(&self) {
        let Ok(found) = fs::metadata(&self.places.global) else { return };
        let identity = format!("{} {} {}", found.dev(), found.ino(), found.mtime_nsec());
        if self.probed.borrow().as_ref() == Some(&identity) {
            return;
        }
        // One that does not answer is asked again the next time.
        if let Ok(abilities) = self.try_all().await {
            *self.abilities.borrow_mut() = abilities;
            *self.probed.borrow_mut() = Some(identity);
        }
    }

    async fn try_all(&self) -> Result<ApAbilities, Failure> {
        let mut talk = self.talk_to_all()?;
        let folder = self.places.folder.join("probe");
        // Of a run that was cut short.
        talk.order(&format!("REMOVE {SCRATCH}")).await?;
        if !talk.order(&format!("ADD {SCRATCH} {} none", folder.display())).await? {
            return Ok(without_asking());
        }
        let tried = try_words(&mut talk).await;
        self.knows_be.set(try_word(&mut talk, "ieee80211be", "1").await?);
        talk.order(&format!("REMOVE {SCRATCH}")).await?;
        // hostapd made it, and may have taken it away.
        fs::remove_dir_all(&folder).ok();
        tried
    }
}

async fn try_words(talk: &mut Conversation) -> Result<ApAbilities, Failure> {
    let tkip = try_word(talk, "wpa_pairwise", "TKIP").await?;
    let mut modes = Vec::new();
    for mode in MODES {
        let old = matches!(
            mode,
            Mode::WpaPersonal | Mode::WpaWpa2Personal | Mode::WpaEnterprise | Mode::WpaWpa2Enterprise
        );
        if mode == Mode::None || ((tkip || !old) && try_word(talk, "wpa_key_mgmt", key_mgmt(mode)).await?) {
            modes.push(mode);
        }
    }
    let wps = try_word(talk, "wps_state", "2").await?;
    Ok(ApAbilities {
        networks: MANY,
        modes,
        wps: if wps { WPS_METHODS.to_vec() } else { Vec::new() },
        chooses_channel: try_word(talk, "channel", "acs_survey").await?,
        lists: true,
    })
}

async fn try_word(talk: &mut Conversation, key: &str, value: &str) -> Result<bool, Failure> {
    talk.order(&format!("IFNAME={SCRATCH} SET {key} {value}")).await
}
