//! What a plugin serves: objects, tables, parameters, commands.

use cwmp_plugin_abi as abi;

use crate::border::lend;
use crate::{Kind, Typed};

/// One line of a declaration. [`declare!`](crate::declare!) makes them.
#[derive(Debug, Clone, Copy)]
#[repr(transparent)]
pub struct Node(abi::Node);

// SAFETY: its texts are `&'static str`.
unsafe impl Send for Node {}
// SAFETY: as above, and nothing can be changed.
unsafe impl Sync for Node {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident => $kind:ident;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub const fn $name(self) -> Self {
            Self(abi::Node { kind: Kind::$kind.number(), ..self.0 })
        })*
    };
}

macro_rules! flags {
    ($($(#[$doc:meta])* $name:ident = $bit:literal;)*) => {
        $($(#[$doc])*
        #[must_use]
        pub const fn $name(self) -> Self {
            Self(abi::Node { flags: self.0.flags | 1 << $bit, ..self.0 })
        })*
    };
}

impl Node {
    const OBJECT: u32 = 1;
    const TABLE: u32 = 1 << 1;
    const COMMAND: u32 = 1 << 8;

    const fn new(path: &'static str, flags: u32) -> Self {
        Self(abi::Node { path: lend(path), kind: 0, flags, facets: lend("") })
    }

    /// An object that exists once: the path ends in a dot.
    pub const fn object(path: &'static str) -> Self {
        Self::new(path, Self::OBJECT)
    }

    /// A table: the path ends in `{i}.`.
    pub const fn table(path: &'static str) -> Self {
        Self::new(path, Self::OBJECT | Self::TABLE)
    }

    /// A parameter; it needs a type.
    pub const fn param(path: &'static str) -> Self {
        Self::new(path, 0)
    }

    /// A command: the path ends in `()`.
    pub const fn command(path: &'static str) -> Self {
        Self::new(path, Self::COMMAND)
    }

    kinds! {
        /// Holds a text.
        string => String;
        /// Holds a signed number of 32 bits.
        int => Int;
        /// Holds an unsigned number of 32 bits.
        unsigned_int => UnsignedInt;
        /// Holds a signed number of 64 bits.
        long => Long;
        /// Holds an unsigned number of 64 bits.
        unsigned_long => UnsignedLong;
        /// Holds true or false.
        boolean => Boolean;
        /// Holds a moment.
        date_time => DateTime;
        /// Holds bytes as base64.
        base64 => Base64;
        /// Holds bytes as hexadecimal digits.
        hex_binary => HexBinary;
        /// Holds a number with a fraction.
        decimal => Decimal;
    }

    /// Holds what the type of a field stands for.
    #[must_use]
    pub const fn kind_of<T: Typed>(self) -> Self {
        Self(abi::Node { kind: T::KIND.number(), ..self.0 })
    }

    flags! {
        /// A parameter can be set; a table takes and loses rows.
        writable = 2;
        /// Always reads as empty.
        secret = 3;
        /// Active notification cannot be turned off.
        forced = 4;
        /// Active notification is refused.
        passive = 5;
        /// Changes are announced with [`Host::changed`](crate::Host::changed).
        pushed = 6;
        /// Never cached, never compared.
        counter = 7;
        /// Active notification unless turned off.
        forced_default = 9;
        /// In every Inform.
        inform = 10;
    }

    /// With facets, in the grammar of the ABI: `enum=Red|Blue;default=Red`.
    #[must_use]
    pub const fn facets(self, facets: &'static str) -> Self {
        Self(abi::Node { facets: lend(facets), ..self.0 })
    }

    /// The schema path.
    pub const fn path(&self) -> &'static str {
        // SAFETY: every constructor took it from a `&'static str`.
        unsafe { std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.0.path.ptr, self.0.path.len)) }
    }

    /// The facets in their text form.
    pub fn facet_text(&self) -> &'static str {
        // SAFETY: `new` and `facets` took it from a `&'static str`.
        unsafe {
            std::str::from_utf8_unchecked(std::slice::from_raw_parts(self.0.facets.ptr, self.0.facets.len))
        }
    }

    /// The type of a parameter.
    pub fn kind(&self) -> Option<Kind> {
        Kind::from_number(self.0.kind)
    }

    /// Whether it can be set, or takes rows.
    pub fn is_writable(&self) -> bool {
        self.0.flags & 1 << 2 != 0
    }

    /// Whether it reads as empty.
    pub fn is_secret(&self) -> bool {
        self.0.flags & 1 << 3 != 0
    }

    /// Whether its changes are announced.
    pub fn is_pushed(&self) -> bool {
        self.0.flags & 1 << 6 != 0
    }

    /// Whether it is a table.
    pub fn is_table(&self) -> bool {
        self.0.flags & Self::TABLE != 0
    }

    /// The value that it has when nobody set one: the facet `default` or `factory`, else nothing, zero or false.
    pub fn default_value(&self) -> String {
        let zero = || self.kind().map_or("", Kind::zero).to_owned();
        facet(self.facet_text(), "default=")
            .or_else(|| facet(self.facet_text(), "factory="))
            .unwrap_or_else(zero)
    }

    /// Whether it has a value before the device says anything: it can be set, or one was declared.
    pub(crate) fn has_start(&self) -> bool {
        let declared = |key| facet(self.facet_text(), key).is_some();
        self.is_writable() || declared("default=") || declared("factory=")
    }

    pub(crate) const fn raw(&self) -> &abi::Node {
        &self.0
    }
}

/// A facet by its key, with its escapes resolved.
pub(crate) fn facet(facets: &str, key: &str) -> Option<String> {
    let (mut pairs, mut pair, mut escaped) = (Vec::new(), String::new(), false);
    for c in facets.chars() {
        match c {
            _ if escaped => {
                pair.push(c);
                escaped = false;
            }
            '\\' => escaped = true,
            ';' => pairs.push(std::mem::take(&mut pair)),
            _ => pair.push(c),
        }
    }
    pairs.push(pair);
    pairs.iter().find_map(|p| p.strip_prefix(key).map(str::to_owned))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_built_from_words() {
        const NODE: Node =
            Node::param("Device.X_A.Colour").string().writable().pushed().facets("enum=Red|Blue;default=Red");
        assert_eq!(NODE.path(), "Device.X_A.Colour");
        assert_eq!((NODE.kind(), NODE.raw().flags), (Some(Kind::String), 1 << 2 | 1 << 6));
        assert_eq!(NODE.default_value(), "Red");
        assert!(Node::table("Device.X_A.Lamp.{i}.").is_table());
    }

    #[test]
    fn defaults_lose_their_escapes() {
        assert_eq!(facet(r"size=:9;default=a\;b\|c\\", "default="), Some(r"a;b|c\".to_owned()));
        assert_eq!(facet("size=:9", "default="), None);
        assert_eq!(Node::param("Device.X").boolean().default_value(), "false");
        assert_eq!(Node::param("Device.X").string().facets("enum=A|B;factory=B").default_value(), "B");
    }
}
