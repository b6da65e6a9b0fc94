//! The parameters that the agent serves itself: what an Inform needs, and `Device.ManagementServer.`.
//!
//! An Inform never waits for a provider, so everything in it comes from here.

use cwmp_model::schema::Declaration;
use cwmp_model::{date_time, NodeFlags, ValueType};

use crate::config::Config;
use crate::identity::Identity;

/// Where the value of a parameter comes from.
#[derive(Clone, Copy)]
pub(crate) enum Source {
    /// The identity file.
    Identity(fn(&Identity) -> &str),
    /// A setting: what was written last, else this factory value.
    Setting(fn(&Config) -> String),
    /// A setting whose factory value is in the identity file.
    IdentitySetting(fn(&Identity) -> &str),
    /// Always the same.
    Fixed(&'static str),
    /// Known to the running agent.
    Live(Live),
}

/// Values that the running agent knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Live {
    /// The connection request URL, empty while nothing listens.
    ConnectionRequestUrl,
    /// The software version last told by its provider.
    SoftwareVersion,
}

/// One parameter of the agent.
pub(crate) struct Parameter {
    pub(crate) path: &'static str,
    pub(crate) kind: ValueType,
    pub(crate) flags: NodeFlags,
    pub(crate) facets: &'static str,
    pub(crate) source: Source,
}

const R: NodeFlags = NodeFlags(0);
const W: NodeFlags = NodeFlags::WRITABLE;
const INFORM: NodeFlags = NodeFlags::INFORM;
/// Writable, reads as empty.
const WS: NodeFlags = NodeFlags(NodeFlags::WRITABLE.0 | NodeFlags::SECRET.0);

pub(crate) const URL: &str = "Device.ManagementServer.URL";
pub(crate) const USERNAME: &str = "Device.ManagementServer.Username";
pub(crate) const PASSWORD: &str = "Device.ManagementServer.Password";
pub(crate) const ENABLE_CWMP: &str = "Device.ManagementServer.EnableCWMP";
pub(crate) const PERIODIC_ENABLE: &str = "Device.ManagementServer.PeriodicInformEnable";
pub(crate) const PERIODIC_INTERVAL: &str = "Device.ManagementServer.PeriodicInformInterval";
pub(crate) const PERIODIC_TIME: &str = "Device.ManagementServer.PeriodicInformTime";
pub(crate) const PARAMETER_KEY: &str = "Device.ManagementServer.ParameterKey";
pub(crate) const CR_URL: &str = "Device.ManagementServer.ConnectionRequestURL";
pub(crate) const CR_USERNAME: &str = "Device.ManagementServer.ConnectionRequestUsername";
pub(crate) const CR_PASSWORD: &str = "Device.ManagementServer.ConnectionRequestPassword";
pub(crate) const CR_ENABLE: &str = "Device.ManagementServer.HTTPConnectionRequestEnable";
pub(crate) const THROTTLE: &str = "Device.ManagementServer.DefaultActiveNotificationThrottle";
pub(crate) const RETRY_MINIMUM: &str = "Device.ManagementServer.CWMPRetryMinimumWaitInterval";
pub(crate) const RETRY_MULTIPLIER: &str = "Device.ManagementServer.CWMPRetryIntervalMultiplier";
pub(crate) const SCHEDULE_REBOOT: &str = "Device.ManagementServer.ScheduleReboot";
pub(crate) const DELAY_REBOOT: &str = "Device.ManagementServer.DelayReboot";
pub(crate) const SOFTWARE_VERSION: &str = "Device.DeviceInfo.SoftwareVersion";
pub(crate) const PROVISIONING_CODE: &str = "Device.DeviceInfo.ProvisioningCode";

/// Every parameter of the agent. Types, limits and notification rules are those of Device:2.19.
pub(crate) static PARAMETERS: &[Parameter] = {
    use Source::{Fixed, Identity, IdentitySetting, Live as L, Setting};
    use ValueType::{Boolean, DateTime, Int, String, UnsignedInt};
    const fn p(
        path: &'static str,
        kind: ValueType,
        flags: NodeFlags,
        facets: &'static str,
        source: Source,
    ) -> Parameter {
        Parameter { path, kind, flags, facets, source }
    }
    // Flags are joined by hand: `NodeFlags::with` is no constant function.
    const INFORM_PASSIVE: NodeFlags = NodeFlags(INFORM.0 | NodeFlags::PASSIVE.0);
    const INFORM_DEFAULT: NodeFlags = NodeFlags(INFORM.0 | NodeFlags::FORCED_DEFAULT.0);
    const INFORM_FORCED: NodeFlags = NodeFlags(INFORM.0 | NodeFlags::FORCED.0);
    const INFORM_FORCED_W: NodeFlags = NodeFlags(INFORM_FORCED.0 | W.0);
    &[
        p("Device.RootDataModelVersion", String, INFORM, r"size=:32;pattern=2\\.\\d+", Fixed("2.19")),
        p("Device.DeviceInfo.Manufacturer", String, R, "size=:64", Identity(|i| &i.manufacturer)),
        p("Device.DeviceInfo.ManufacturerOUI", String, R, "size=6:6", Identity(|i| &i.oui)),
        p("Device.DeviceInfo.ModelName", String, R, "size=:64", Identity(|i| &i.model_name)),
        p("Device.DeviceInfo.Description", String, R, "size=:256", Identity(|i| &i.description)),
        p("Device.DeviceInfo.ProductClass", String, R, "size=:64", Identity(|i| &i.product_class)),
        p("Device.DeviceInfo.SerialNumber", String, R, "size=:64", Identity(|i| &i.serial_number)),
        p("Device.DeviceInfo.HardwareVersion", String, INFORM, "size=:64", Identity(|i| &i.hardware_version)),
        p(SOFTWARE_VERSION, String, INFORM_FORCED, "size=:64", L(Live::SoftwareVersion)),
        p(PROVISIONING_CODE, String, INFORM_FORCED_W, "size=:64", IdentitySetting(|i| &i.provisioning_code)),
        p(ENABLE_CWMP, Boolean, W, "", Setting(|_| "true".into())),
        p(URL, String, W, "size=:2048", Setting(|c| c.acs.url.clone())),
        p(USERNAME, String, W, "size=:256", Setting(|c| c.acs.username.clone())),
        p(PASSWORD, String, WS, "size=:256", Setting(|c| c.acs.password.clone())),
        p(SCHEDULE_REBOOT, DateTime, W, "", Setting(|_| date_time::UNKNOWN.into())),
        p(DELAY_REBOOT, Int, W, "range=-1:", Setting(|_| "-1".into())),
        p(PERIODIC_ENABLE, Boolean, W, "", Setting(|c| c.inform.periodic.to_string())),
        p(PERIODIC_INTERVAL, UnsignedInt, W, "range=1:", Setting(|c| c.inform.interval.to_string())),
        p(PERIODIC_TIME, DateTime, W, "", Setting(|_| date_time::UNKNOWN.into())),
        p(PARAMETER_KEY, String, INFORM_PASSIVE, "size=:32", Setting(|_| std::string::String::new())),
        p(CR_URL, String, INFORM_DEFAULT, "size=:2048", L(Live::ConnectionRequestUrl)),
        p(CR_USERNAME, String, W, "size=:256", Setting(|c| c.connection_request.username.clone())),
        p(CR_PASSWORD, String, WS, "size=:256", Setting(|c| c.connection_request.password.clone())),
        p(CR_ENABLE, Boolean, W, "", Setting(|_| "true".into())),
        // What updates the box reads it, and leaves the choice to the ACS if it is true.
        p("Device.ManagementServer.UpgradesManaged", Boolean, W, "", Setting(|_| "false".into())),
        p(THROTTLE, UnsignedInt, W, "", Setting(|_| "0".into())),
        p(RETRY_MINIMUM, UnsignedInt, W, "range=1:65535", Setting(|c| c.acs.retry_minimum.to_string())),
        p(
            RETRY_MULTIPLIER,
            UnsignedInt,
            W,
            "range=1000:65535",
            Setting(|c| c.acs.retry_multiplier.to_string()),
        ),
        p("Device.ManagementServer.AliasBasedAddressing", Boolean, INFORM, "", Fixed("false")),
        p("Device.ManagementServer.InstanceWildcardsSupported", Boolean, R, "", Fixed("false")),
        p(
            "Device.ManagementServer.SupportedConnReqMethods",
            String,
            R,
            "enum=HTTP|STUN|XMPP;list=1:",
            Fixed("HTTP"),
        ),
        p(
            "Device.ManagementServer.HTTPCompressionSupported",
            String,
            R,
            "enum=GZIP|Compress|Deflate;list=0:",
            Fixed(""),
        ),
        p(
            "Device.ManagementServer.HTTPCompression",
            String,
            W,
            "enum=Disabled",
            Setting(|_| "Disabled".into()),
        ),
    ]
};

/// The agent's declarations for the merged tree.
pub(crate) fn declarations() -> impl Iterator<Item = Declaration<'static>> {
    PARAMETERS.iter().map(|p| Declaration {
        path: p.path,
        kind: Some(p.kind),
        flags: p.flags,
        facets: p.facets,
    })
}

/// The agent's parameter with this name.
pub(crate) fn parameter(name: &str) -> Option<&'static Parameter> {
    PARAMETERS.iter().find(|p| p.path == name)
}

/// Whether a root would take what is the agent's. The software version is only remembered here.
pub(crate) fn owns_root(root: &str) -> bool {
    root.starts_with("Device.ManagementServer.")
        || root.starts_with("Device.DeviceInfo.SupportedDataModel.")
        || matches!(root, "Device." | "Device.DeviceInfo.")
        || (root != SOFTWARE_VERSION && PARAMETERS.iter().any(|p| p.path == root))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cwmp_model::Schema;

    #[test]
    fn every_factory_value_is_a_value_of_its_parameter() {
        let mut schema = Schema::new();
        for declaration in declarations() {
            schema.declare(0, &declaration).unwrap();
        }
        let config = Config::default();
        for p in PARAMETERS {
            let id = schema.find(p.path).unwrap();
            let text = match p.source {
                Source::Setting(factory) => factory(&config),
                Source::Fixed(text) => text.to_owned(),
                Source::Identity(_) | Source::IdentitySetting(_) | Source::Live(_) => continue,
            };
            schema.check_report(id, p.kind, &text).unwrap_or_else(|f| panic!("{}: {f}", p.path));
        }
    }

    /// C75: the parameters of every Inform in Device:2.19, from their mark in the model.
    #[test]
    fn seven_parameters_are_in_every_inform() {
        let forced: Vec<_> = PARAMETERS.iter().filter(|p| p.flags.has(INFORM)).map(|p| p.path).collect();
        assert_eq!(
            forced,
            [
                "Device.RootDataModelVersion",
                "Device.DeviceInfo.HardwareVersion",
                "Device.DeviceInfo.SoftwareVersion",
                "Device.DeviceInfo.ProvisioningCode",
                "Device.ManagementServer.ParameterKey",
                "Device.ManagementServer.ConnectionRequestURL",
                "Device.ManagementServer.AliasBasedAddressing",
            ]
        );
    }
}
