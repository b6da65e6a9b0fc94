//! WPS of a station: which methods it tells access points, and whether what it is given by one is taken.
//!
//! The service keeps both for an interface and not for a network, so what the image had is noted before it is changed.

use std::collections::HashMap;

use crate::back_end::Failure;
use crate::supplicant::interface::Interface;
use crate::supplicant::wire::{Properties, INTERFACE, NAME, WPS};
use crate::supplicant::Supplicant;

/// The methods that need no more hardware than a button. `label` is not among them: it is a PIN that never changes, of which
/// the service of a station knows nothing.
pub(super) const METHODS: [&str; 5] =
    ["push_button", "virtual_push_button", "physical_push_button", "keypad", "display"];

/// The methods, in the service's words.
const CONFIG_METHODS: &str = "ConfigMethods";
/// What becomes of a network that an access point hands over.
const PROCESSING: &str = "WpsCredProcessing";
/// The service joins it.
const JOINED: &str = "0";
/// It is told to others, who may join it.
const TOLD: &str = "1";

/// What an interface has of WPS, as the service says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wps {
    methods: String,
    processing: String,
}

impl Wps {
    /// `None`: the service was built without WPS.
    pub(super) fn read(all: &Properties) -> Option<Self> {
        let text = |name| all.text(name).ok().map(str::to_owned);
        Some(Self { methods: text(CONFIG_METHODS)?, processing: text(PROCESSING)? })
    }

    /// The methods that are on; others than ours are not told of.
    pub(super) fn methods(&self) -> Vec<&'static str> {
        let on = |known: &&str| self.methods.split_ascii_whitespace().any(|method| method == *known);
        METHODS.into_iter().filter(on).collect()
    }

    fn off() -> Self {
        Self { methods: String::new(), processing: TOLD.to_owned() }
    }

    /// What a plan asks for, on an interface of which the image made this.
    fn wanted(methods: &[&'static str], image: &Self) -> Self {
        if methods.is_empty() {
            return Self::off();
        }
        Self { methods: methods.join(" "), processing: image.processing.clone() }
    }

    /// What the image made of an interface that nothing is noted of. What is as planned already, or off as only a plan has
    /// it, was made so before this program began anew: the image then is what the service has without being told.
    fn image(&self, planned: &[&'static str]) -> Self {
        let ours = *self == Self::off() || !planned.is_empty() && self.methods == planned.join(" ");
        if !ours {
            return self.clone();
        }
        let processing = if self.methods.is_empty() { JOINED } else { &self.processing };
        Self { methods: String::new(), processing: processing.to_owned() }
    }
}

/// What the image made of interfaces whose WPS was changed.
pub(crate) type Images = HashMap<String, Wps>;

impl Supplicant {
    /// The methods of WPS that stations may have, as far as it is known: of a service without interfaces all.
    pub(super) fn wps_methods(&self) -> Vec<&'static str> {
        if self.known.owner().is_none() || self.known.knows_wps() == Some(false) {
            return Vec::new();
        }
        METHODS.to_vec()
    }

    /// Gives an interface the WPS of a plan; `None`: the image's again. If it fails it is as it was.
    pub(super) async fn put_wps(
        &self,
        interface: &Interface,
        planned: Option<&[&'static str]>,
    ) -> Result<(), Failure> {
        let Some(now) = &interface.wps else {
            return match planned {
                Some([_, ..]) => Err(Failure::Impossible(format!("WPS: {NAME} is built without it"))),
                _ => Ok(()),
            };
        };
        if planned.is_some_and(|planned| planned.iter().any(|method| !METHODS.contains(method))) {
            return Err(Failure::Impossible(format!("a method of WPS that {NAME} does not have")));
        }
        let path = &interface.path;
        let image = self.memory.borrow().images.get(path).cloned();
        let wanted = match (planned, image) {
            (None, None) => return Ok(()),
            (None, Some(image)) => image,
            (Some(planned), image) => {
                let image = image.unwrap_or_else(|| now.image(planned));
                self.memory.borrow_mut().images.insert(path.clone(), image.clone());
                Wps::wanted(planned, &image)
            }
        };
        self.give_wps(path, now, &wanted).await?;
        if planned.is_none() {
            self.memory.borrow_mut().images.remove(path);
        }
        Ok(())
    }

    /// After a plan that failed: WPS as it was when the interface was looked at, with what was noted then of the image. What
    /// then fails is not said.
    pub(super) async fn take_back_wps(&self, before: &Interface, image: Option<Wps>) {
        if let Some(image) = image {
            self.memory.borrow_mut().images.insert(before.path.clone(), image);
        }
        let found = crate::supplicant::interface::one(&self.calls, &before.path).await;
        let Ok(Some(now)) = found else { return };
        if let (Some(was), Some(is)) = (&before.wps, &now.wps) {
            let _ = self.give_wps(&before.path, is, was).await;
        }
    }

    /// The methods by the interface of their own: the general one takes no empty text.
    async fn give_wps(&self, path: &str, now: &Wps, wanted: &Wps) -> Result<(), Failure> {
        if now.methods != wanted.methods {
            self.calls.set(path, WPS, CONFIG_METHODS, wanted.methods.as_str()).await?;
        }
        if now.processing == wanted.processing {
            return Ok(());
        }
        let done = self.calls.set(path, INTERFACE, PROCESSING, wanted.processing.as_str()).await;
        if done.is_err() && now.methods != wanted.methods {
            // Why it failed is what counts.
            let _ = self.calls.set(path, WPS, CONFIG_METHODS, now.methods.as_str()).await;
        }
        done
    }
}
