//! The reply to `Get`, written as it goes over the wire.
//!
//! The library's encoder walks through a reply twice and makes half a microsecond of each value; here a reply is
//! appended once. It is the one message of the provider that has tens of thousands of elements.

use async_trait::async_trait;
use zbus::message::{Flags, Header, Message};
use zbus::names::{InterfaceName, MemberName};
use zbus::object_server::{DispatchResult, Interface, SignalEmitter};
use zbus::zvariant::{OwnedValue, Value};
use zbus::{fdo, Connection, ObjectServer};

use crate::provider::{Faults, Options, Provider};
use crate::read::Values;

/// The signature of the reply.
const SIGNATURE: &str = "a(sys)a(sus)";

/// The provider as it is served: `Get` is answered here, everything else by the interface itself.
#[derive(Debug)]
pub(crate) struct Served(pub(crate) Provider);

impl Served {
    async fn get(&self, bus: &Connection, call: &Message) -> zbus::Result<()> {
        let header = call.header();
        let answer = match call.body().deserialize::<(Vec<String>, Options)>() {
            Ok((paths, options)) => self.0.answer_get(&paths, &options, &header, bus).await,
            Err(error) => {
                let wrong = fdo::Error::InvalidArgs(error.to_string());
                return bus.reply_dbus_error(&header, wrong).await;
            }
        };
        if header.primary().flags().contains(Flags::NoReplyExpected) {
            return Ok(());
        }
        let (values, faults) = match answer {
            Ok(answer) => answer,
            Err(error) => return bus.reply_dbus_error(&header, error).await,
        };
        match encode(&values, &faults) {
            Some(body) => bus.send(&reply(&header, bus, &body)?).await,
            None => bus.reply(&header, &(values, faults)).await,
        }
    }
}

fn reply(call: &Header<'_>, bus: &Connection, body: &[u8]) -> zbus::Result<Message> {
    let mut builder = Message::method_return(call)?;
    if let Some(sender) = bus.unique_name() {
        builder = builder.sender(sender)?;
    }
    // SAFETY: `encode` wrote the body in the byte order of this machine, which is that of a new message, and by the
    // signature.
    unsafe { builder.build_raw_body(body, SIGNATURE, Vec::new()) }
}

/// The body of a reply in the machine's byte order; `None` for texts that D-Bus cannot carry, or too many.
fn encode(values: &Values, faults: &Faults) -> Option<Vec<u8>> {
    let mut body = Body(Vec::with_capacity(values.size() + 64));
    body.array(|body| {
        values.iter().try_for_each(|(name, kind, text)| {
            body.align(8);
            body.text(name)?;
            body.0.push(kind.number());
            body.text(text)
        })
    })?;
    body.array(|body| {
        faults.iter().try_for_each(|(name, code, text)| {
            body.align(8);
            body.text(name)?;
            body.number(*code);
            body.text(text)
        })
    })?;
    Some(body.0)
}

/// A body as far as it is written.
struct Body(Vec<u8>);

impl Body {
    fn align(&mut self, to: usize) {
        self.0.resize(self.0.len().next_multiple_of(to), 0);
    }

    fn number(&mut self, number: u32) {
        self.align(4);
        self.0.extend_from_slice(&number.to_ne_bytes());
    }

    fn text(&mut self, text: &str) -> Option<()> {
        if text.as_bytes().contains(&0) {
            return None;
        }
        self.number(u32::try_from(text.len()).ok()?);
        self.0.extend_from_slice(text.as_bytes());
        self.0.push(0);
        Some(())
    }

    /// An array of structs: its length does not count what aligns the first one.
    fn array(&mut self, elements: impl FnOnce(&mut Self) -> Option<()>) -> Option<()> {
        self.number(0);
        let length = self.0.len() - 4;
        self.align(8);
        let start = self.0.len();
        elements(self)?;
        let bytes = u32::try_from(self.0.len() - start).ok()?;
        self.0[length..length + 4].copy_from_slice(&bytes.to_ne_bytes());
        Some(())
    }
}

#[async_trait]
impl Interface for Served {
    fn name() -> InterfaceName<'static> {
        Provider::name()
    }

    async fn get(
        &self,
        property: &str,
        server: &ObjectServer,
        bus: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<fdo::Result<OwnedValue>> {
        Interface::get(&self.0, property, server, bus, header, emitter).await
    }

    async fn get_all(
        &self,
        server: &ObjectServer,
        bus: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> fdo::Result<std::collections::HashMap<String, OwnedValue>> {
        self.0.get_all(server, bus, header, emitter).await
    }

    async fn set_mut(
        &mut self,
        property: &str,
        value: &Value<'_>,
        server: &ObjectServer,
        bus: &Connection,
        header: Option<&Header<'_>>,
        emitter: &SignalEmitter<'_>,
    ) -> Option<fdo::Result<()>> {
        self.0.set_mut(property, value, server, bus, header, emitter).await
    }

    fn call<'call>(
        &'call self,
        server: &'call ObjectServer,
        bus: &'call Connection,
        call: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        if name == "Get" {
            return DispatchResult::Async(Box::pin(self.get(bus, call)));
        }
        self.0.call(server, bus, call, name)
    }

    fn call_mut<'call>(
        &'call mut self,
        server: &'call ObjectServer,
        bus: &'call Connection,
        call: &'call Message,
        name: MemberName<'call>,
    ) -> DispatchResult<'call> {
        self.0.call_mut(server, bus, call, name)
    }

    fn introspect_to_writer(&self, writer: &mut dyn std::fmt::Write, level: usize) {
        self.0.introspect_to_writer(writer, level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// What is written by hand is what the library writes.
        #[test]
        fn the_reply_is_that_of_the_library(
            values in proptest::collection::vec(("[^\\x00]{0,20}", 1_u8..=10, "[^\\x00]{0,20}"), 0..20),
            faults in proptest::collection::vec(("[^\\x00]{0,9}", any::<u32>(), "[^\\x00]{0,9}"), 0..5),
        ) {
            let values: Values = values
                .iter()
                .map(|(name, kind, text)| {
                    let kind = cwmp_model::ValueType::from_number(*kind).expect("it is one");
                    (name.as_str(), kind, text.as_str())
                })
                .collect();
            let call = Message::method_call("/a", "Get").unwrap().sender(":1.1").unwrap().build(&()).unwrap();
            let ours = encode(&values, &faults).unwrap();
            let library = Message::method_return(&call.header()).unwrap().build(&(&values, &faults)).unwrap();
            let body = library.body();
            prop_assert_eq!(body.signature().to_string_no_parens(), SIGNATURE);
            prop_assert_eq!(body.data().bytes(), &ours[..]);
        }
    }

    #[test]
    fn a_text_that_the_bus_cannot_carry_is_left_to_the_library() {
        let values: Values = [("Device.A", cwmp_model::ValueType::String, "a\0b")].into_iter().collect();
        assert_eq!(encode(&values, &Vec::new()), None);
        assert_eq!(encode(&Values::default(), &vec![("\0".to_owned(), 9005, String::new())]), None);
    }
}
