//! `write`: how a value is set, and what tells how to take it back.

use std::collections::BTreeMap;

use super::{At, Reader};
use crate::conversion::Conversion;
use crate::file::{self, Scalar, WriteOrFlag};
use crate::mapping::{How, Object, Source, Write};
use crate::signature::Type;
use crate::template::Allowed;

impl Reader<'_> {
    #[allow(clippy::too_many_arguments)] // what stands around a write decides what it may be
    pub(super) fn write(
        &mut self,
        write: &WriteOrFlag,
        p: &file::Parameter,
        source: &Source,
        conversion: &Conversion,
        at: &At,
        service: usize,
        table: Option<usize>,
    ) -> Option<Write> {
        let defaults = file::Write::default();
        let (write, short) = match write {
            WriteOrFlag::Flag(true) => (&defaults, true),
            WriteOrFlag::Flag(false) => {
                self.complain(at, "write", "leave it out: a parameter without it cannot be set");
                return None;
            }
            WriteOrFlag::Write(write) => (write.as_ref(), false),
        };
        let mut place = match source {
            Source::Property { place, .. } | Source::Method { place, .. } => place.clone(),
            Source::Cases { .. } => self.place(at, p, service, table)?,
            Source::Count { .. } | Source::Constant(_) => {
                self.complain(at, "write", "a count or a constant cannot be set");
                return None;
            }
        };
        if let Some(path) = &write.object {
            self.object_path(at, "write.object", path);
            place.object = Object::Fixed(path.clone());
        }
        if let Some(interface) = &write.interface {
            self.interface(at, "write.interface", interface);
            place.interface.clone_from(interface);
        }
        let whole = source.whole_property();
        let how = match (&write.property, &write.method) {
            (Some(_), Some(_)) => {
                self.complain(at, "write", "has a 'property' and a 'method': one sets the value");
                return None;
            }
            (None, Some(member)) => {
                self.member(at, "write.method", member);
                let allowed = Allowed { value: true, key: table.is_some() };
                let (signature, arguments) = (write.signature.as_deref(), write.arguments.as_deref());
                let arguments = self.arguments(at, "write.", signature, arguments, allowed)?;
                if !arguments.iter().any(|(_, t)| t.has_value()) {
                    self.complain(at, "write.arguments", "the value is nowhere: \"{value}\" stands for it");
                }
                How::Method { member: member.clone(), arguments }
            }
            (name, None) => {
                let name = match (name, whole) {
                    (Some(name), _) => name.clone(),
                    (None, Some((_, name))) if short => name.to_owned(),
                    _ => {
                        let text = "needs a 'property' or a 'method'; true means the property that is read, if it is one as a whole";
                        self.complain(at, "write", text);
                        return None;
                    }
                };
                self.member(at, "write.property", &name);
                if write.arguments.is_some() {
                    self.complain(at, "write.arguments", "are for a 'method'");
                }
                let of = match write.signature.as_deref() {
                    None => None,
                    Some(text) => {
                        let of =
                            Type::parse(text).ok_or_else(|| format!("'{text}' is not the type of one value"));
                        Some(self.note(at, "write.signature", of)?)
                    }
                };
                How::Property { name, of }
            }
        };
        if let Some(previous) = &write.previous {
            self.member(at, "write.previous", previous);
        }
        let values = write
            .values
            .as_ref()
            .map(|all| all.iter().map(|(k, Scalar(v))| (k.clone(), v.clone())).collect());
        if values.is_none() {
            self.reversible(conversion, source, at);
        }
        Some(Write { place, how, values, previous: write.previous.clone() })
    }

    /// A conversion must be known backwards, too.
    fn reversible(&mut self, conversion: &Conversion, source: &Source, at: &At) {
        const SAY: &str = "'write.values' says which one is written";
        if matches!(source, Source::Cases { .. }) {
            self.complain(at, "write", format!("'cases' cannot be turned round: {SAY}"));
        }
        let mut seen: BTreeMap<&str, &str> = BTreeMap::new();
        let mut twice = Vec::new();
        for (key, text) in conversion.values.iter().flatten() {
            if let Some(other) = seen.insert(text, key) {
                twice.push(format!("'{text}' stands for {other} and {key}: {SAY}"));
            }
        }
        for text in twice {
            self.complain(at, "values", text);
        }
    }
}
