//! Who the device is: what an Inform says of it (C71).

use std::time::Duration;

use serde::Deserialize;

use crate::config::{self, ConfigError, IdentityConfig};

/// How long an identity command may run.
pub const COMMAND_DEADLINE: Duration = Duration::from_secs(5);
/// The most an identity command may print, in bytes.
pub const MAX_OUTPUT: usize = 64 * 1024;

/// How long an agent that does not know who the device is waits before it asks again; the wait doubles.
pub const FIRST_RETRY: Duration = Duration::from_secs(2);
/// The longest such wait.
pub const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// What an Inform says of the device. A key that is left out is an empty text; without an OUI and a serial number the agent runs
/// and does not inform, and says so in its status.
///
/// `docs/configuration.md` is made from the comments here, as from those of [`Config`](crate::config::Config).
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// `DeviceInfo.Manufacturer`.
    ///
    /// At most 64 characters.
    pub manufacturer: String,
    /// `DeviceInfo.ManufacturerOUI`. Must be there, and stay as it is.
    ///
    /// Six hexadecimal digits.
    pub oui: String,
    /// `DeviceInfo.ModelName`.
    ///
    /// At most 64 characters.
    pub model_name: String,
    /// `DeviceInfo.Description`.
    ///
    /// At most 256 characters.
    pub description: String,
    /// `DeviceInfo.ProductClass`. May be empty, and must stay as it is.
    ///
    /// At most 64 characters.
    pub product_class: String,
    /// `DeviceInfo.SerialNumber`. Must be there, and stay as it is.
    ///
    /// At most 64 characters.
    pub serial_number: String,
    /// `DeviceInfo.HardwareVersion`.
    ///
    /// At most 64 characters.
    pub hardware_version: String,
    /// `DeviceInfo.SoftwareVersion`, until a plugin has told another.
    ///
    /// At most 64 characters.
    pub software_version: String,
    /// Factory value of `DeviceInfo.ProvisioningCode`.
    ///
    /// At most 64 characters.
    pub provisioning_code: String,
}

/// Why there is no usable identity.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdentityError {
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] ConfigError),
    /// The command failed, took too long or printed too much.
    #[error("the identity command {command} {why}")]
    Command {
        /// The program.
        command: String,
        /// What happened.
        why: String,
    },
    /// A field is missing, too long or has a wrong form.
    #[error("identity: {field} {why}")]
    Field {
        /// Its key.
        field: &'static str,
        /// What is wrong.
        why: &'static str,
    },
}

impl Identity {
    /// Reads the file or, where it is absent, runs the command.
    pub async fn load(config: &IdentityConfig) -> Result<Self, IdentityError> {
        let table = if config.file.exists() || config.command.is_empty() {
            config::read_table(&config.file)?
        } else {
            run(&config.command).await?
        };
        let identity: Self =
            table.try_into().map_err(|error| ConfigError::Parse { file: config.file.clone(), error })?;
        identity.checked()
    }

    /// A user name that no other device has: OUI-ProductClass-SerialNumber, or OUI-SerialNumber; what is neither letter nor
    /// digit is percent-encoded (TR-069 3.4.4, C31).
    pub fn unique_name(&self) -> String {
        let parts = [&self.oui, &self.product_class, &self.serial_number];
        let parts = parts.into_iter().filter(|part| !part.is_empty());
        parts.map(|part| encoded(part)).collect::<Vec<_>>().join("-")
    }

    /// A name that all devices of this kind share: OUI-ProductClass, encoded like [`unique_name`](Self::unique_name).
    pub fn device_type(&self) -> String {
        let parts = [&self.oui, &self.product_class].into_iter().filter(|part| !part.is_empty());
        parts.map(|part| encoded(part)).collect::<Vec<_>>().join("-")
    }

    /// Checks what an Inform needs. A box without a serial number does not inform.
    fn checked(mut self) -> Result<Self, IdentityError> {
        self.oui.make_ascii_uppercase();
        let field = |field, why| Err(IdentityError::Field { field, why });
        if self.oui.len() != 6 || !self.oui.bytes().all(|b| b.is_ascii_hexdigit()) {
            return field("oui", "must be six hexadecimal digits");
        }
        if self.serial_number.is_empty() {
            return field("serial_number", "is missing");
        }
        let lengths = [
            ("manufacturer", &self.manufacturer, 64),
            ("model_name", &self.model_name, 64),
            ("description", &self.description, 256),
            ("product_class", &self.product_class, 64),
            ("serial_number", &self.serial_number, 64),
            ("hardware_version", &self.hardware_version, 64),
            ("software_version", &self.software_version, 64),
            ("provisioning_code", &self.provisioning_code, 64),
        ];
        for (name, text, most) in lengths {
            if text.chars().count() > most {
                return field(name, "is too long");
            }
            if !text.chars().all(cwmp_model::value::is_xml_char) {
                return field(name, "has a character that XML does not allow");
            }
        }
        Ok(self)
    }
}

fn encoded(text: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// Waits until there is an identity: what knows it may be later at boot than the agent, or have failed once.
pub async fn comes(config: &IdentityConfig) {
    let mut wait = FIRST_RETRY;
    loop {
        tokio::time::sleep(wait).await;
        match Identity::load(config).await {
            Ok(_) => return,
            Err(error) => tracing::debug!("{error}; it is asked for again"),
        }
        wait = (wait * 2).min(LONGEST_RETRY);
    }
}

async fn run(command: &[String]) -> Result<toml::Table, IdentityError> {
    let failed = |why: String| IdentityError::Command { command: command[0].clone(), why };
    let child = tokio::process::Command::new(&command[0])
        .args(&command[1..])
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = match tokio::time::timeout(COMMAND_DEADLINE, child).await {
        Err(_) => return Err(failed(format!("took longer than {} s", COMMAND_DEADLINE.as_secs()))),
        Ok(Err(error)) => return Err(failed(format!("could not be run: {error}"))),
        Ok(Ok(output)) => output,
    };
    if !output.status.success() {
        return Err(failed(format!("ended with {}", output.status)));
    }
    if output.stdout.len() > MAX_OUTPUT {
        return Err(failed(format!("printed more than {MAX_OUTPUT} bytes")));
    }
    String::from_utf8_lossy(&output.stdout)
        .parse()
        .map_err(|error| failed(format!("printed no TOML: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(oui: &str, serial: &str) -> Result<Identity, IdentityError> {
        Identity { oui: oui.into(), serial_number: serial.into(), ..Identity::default() }.checked()
    }

    /// C71: the OUI is six digits 0-9 A-F, and a serial number is needed.
    #[test]
    fn an_identity_needs_an_oui_and_a_serial_number() {
        assert_eq!(identity("00aabb", "1").unwrap().oui, "00AABB");
        assert!(identity("00aab", "1").is_err());
        assert!(identity("00aabg", "1").is_err());
        assert!(identity("00AABB", "").is_err());
        assert!(identity("00AABB", &"1".repeat(65)).is_err());
        assert!(identity("00AABB", "1\u{2}").is_err());
    }

    /// C31: a user name of the device's own, in the form of the standard.
    #[test]
    fn the_name_of_a_device_is_encoded() {
        let mut identity = identity("00AABB", "S/N 1-ü").unwrap();
        assert_eq!(identity.unique_name(), "00AABB-S%2FN%201%2D%C3%BC");
        identity.product_class = "Box_2".to_owned();
        assert_eq!(identity.unique_name(), "00AABB-Box%5F2-S%2FN%201%2D%C3%BC");
    }

    #[tokio::test]
    async fn an_identity_may_come_from_a_command() {
        let config = |script: &str| IdentityConfig {
            file: "/nonexistent/identity.toml".into(),
            command: ["/bin/sh", "-c", script].map(str::to_owned).to_vec(),
        };
        let good =
            Identity::load(&config("echo 'oui = \"00AABB\"'; echo 'serial_number = \"7\"'")).await.unwrap();
        assert_eq!(good.serial_number, "7");
        let error = Identity::load(&config("exit 3")).await.unwrap_err().to_string();
        assert!(error.contains("exit status: 3"), "{error}");
        assert!(Identity::load(&config("head -c 70000 /dev/zero | tr '\\0' '#'")).await.is_err());
    }
}
