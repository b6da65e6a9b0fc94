//! The smallest plugin that is of any use: `Device.X_ACME_Hello.` greets whom it is told to greet.
use cwmp_plugin_sdk::{declare, Config, Error, Host, Object, Plugin, Serve, Settings, Wanted};

#[derive(Object)]
#[object("Device.X_ACME_Hello.")]
struct Hello {
    #[param(writable, "size=:64;default=World")]
    name: String,
    greeting: String,
}

struct Greeter(Settings);

declare! { Greeter, name: "hello", objects { Hello } }

impl Plugin for Greeter {
    fn create(host: Host, _: &Config) -> Result<Self, Error> {
        Settings::load(&host).map(Self)
    }
    fn settings(&self) -> Option<&Settings> {
        Some(&self.0)
    }
}

impl Serve<Hello> for Greeter {
    fn read(&mut self, kept: Hello, _: &Wanted<'_>) -> Result<Hello, Error> {
        Ok(Hello { greeting: format!("Hello, {}!", kept.name), ..kept })
    }
}
