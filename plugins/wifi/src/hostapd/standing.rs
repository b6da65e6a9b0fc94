//! What runs on one radio before a plan is made true.

use super::lines::Lines;
use super::memory::Known;
use super::reply::{State, Status, Told};
use super::socket::CARRIED_OUT;
use super::text::Whole;
use super::{network, Hostapd, Sight};
use crate::back_end::Failure;
use crate::facts::Mac;
use crate::plan::RadioPlan;

/// A radio.
pub(super) struct Radio {
    pub(super) first: String,
    pub(super) phy: String,
    pub(super) state: State,
    pub(super) frequency: Option<u32>,
    pub(super) stations: u32,
    pub(super) networks: Vec<Member>,
}

/// A network of it.
pub(super) struct Member {
    pub(super) interface: String,
    pub(super) bssid: Option<Mac>,
    pub(super) told: Told,
    pub(super) known: Option<Known>,
}

impl Radio {
    pub(super) fn member(&self, interface: &str) -> Option<&Member> {
        self.networks.iter().find(|member| member.interface == interface)
    }

    pub(super) fn first_lines(&self) -> Option<&Lines> {
        self.member(&self.first)?.lines()
    }
}

impl Member {
    pub(super) fn lines(&self) -> Option<&Lines> {
        self.known.as_ref().map(|known| &known.lines)
    }

    /// All that can be said of it, to make it anew.
    pub(super) fn whole(&self) -> Option<Whole> {
        let lines = self.lines()?;
        network::lacks(lines)
            .is_none()
            .then(|| Whole { interface: self.interface.clone(), lines: lines.clone() })
    }
}

impl Hostapd {
    /// What runs on the radio of a plan.
    pub(super) async fn radio_of(&self, plan: &RadioPlan) -> Result<Option<Radio>, Failure> {
        let Sight { seen, failure } = self.seen(CARRIED_OUT).await;
        let is_meant = |status: &Status| {
            status.phy == plan.radio
                || status.networks[0].interface == plan.radio
                || status
                    .networks
                    .iter()
                    .any(|network| plan.networks.iter().any(|planned| planned.interface == network.interface))
        };
        let Some(status) = seen.into_iter().map(|seen| seen.status).find(is_meant) else {
            return match failure {
                // Where no hostapd is, nothing is on the air.
                Some(Failure::Away(_)) if plan.networks.is_empty() => Ok(None),
                // Whoever is silent may be the one.
                Some(failure) => Err(failure),
                None => Ok(None),
            };
        };
        let mut networks = Vec::new();
        for network in &status.networks {
            let told = self.told(&network.interface).await?;
            let known = self.memory.recall(&network.interface, Some(&told));
            networks.push(Member { interface: network.interface.clone(), bssid: network.bssid, told, known });
        }
        Ok(Some(Radio {
            first: status.networks[0].interface.clone(),
            stations: status.networks.iter().map(|network| network.stations).sum(),
            phy: status.phy,
            state: status.state,
            frequency: status.frequency,
            networks,
        }))
    }
}
