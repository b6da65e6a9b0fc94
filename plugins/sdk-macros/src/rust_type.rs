//! What the types of fields look like to a macro, which sees names and no types.

use cwmp_model::ValueType;
use syn::{GenericArgument, PathArguments, Type};

/// What the type of a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RustType {
    /// The type of the parameter, or of the items of a list.
    pub(crate) item: Item,
    /// Whether it is a `Vec`.
    pub(crate) list: bool,
}

/// The innermost type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item {
    /// One of those that everybody knows.
    Known(ValueType),
    /// A type that stands for nothing in the data model.
    Never,
    /// An enumeration, or something else that the author made; the compiler checks it later.
    Other,
}

impl RustType {
    pub(crate) fn of(kind: &Type) -> Self {
        let Type::Path(path) = kind else { return Self { item: Item::Never, list: false } };
        let Some(last) = path.path.segments.last() else { return Self { item: Item::Never, list: false } };
        let inner = match &last.arguments {
            PathArguments::AngleBracketed(arguments) => {
                arguments.args.iter().find_map(|argument| match argument {
                    GenericArgument::Type(inner) => Some(inner),
                    _ => None,
                })
            }
            _ => None,
        };
        let item = match (last.ident.to_string().as_str(), inner) {
            ("Option" | "Result", Some(inner)) => return Self::of(inner),
            ("Vec", Some(inner)) => return Self { list: true, ..Self::of(inner) },
            ("bool", _) => Item::Known(ValueType::Boolean),
            ("i32", _) => Item::Known(ValueType::Int),
            ("u32", _) => Item::Known(ValueType::UnsignedInt),
            ("i64", _) => Item::Known(ValueType::Long),
            ("u64", _) => Item::Known(ValueType::UnsignedLong),
            ("f64", _) => Item::Known(ValueType::Decimal),
            ("String" | "Cow" | "IpAddr" | "Ipv4Addr" | "Ipv6Addr", _) => Item::Known(ValueType::String),
            ("DateTime", _) => Item::Known(ValueType::DateTime),
            ("Base64", _) => Item::Known(ValueType::Base64),
            ("HexBinary", _) => Item::Known(ValueType::HexBinary),
            (
                "i8" | "u8" | "i16" | "u16" | "i128" | "u128" | "isize" | "usize" | "f32" | "char" | "str",
                _,
            ) => Item::Never,
            _ => Item::Other,
        };
        Self { item, list: false }
    }
}

/// The type that a field must have.
pub(crate) fn rust_name(kind: ValueType) -> &'static str {
    match kind {
        ValueType::String => "String or an enumeration",
        ValueType::Int => "i32",
        ValueType::UnsignedInt => "u32",
        ValueType::Long => "i64",
        ValueType::UnsignedLong => "u64",
        ValueType::Boolean => "bool",
        ValueType::DateTime => "DateTime",
        ValueType::Base64 => "Base64",
        ValueType::HexBinary => "HexBinary",
        ValueType::Decimal => "f64",
    }
}

/// The function of `Node`, which is also the last part of `Kind`, in its own spelling.
pub(crate) fn function(kind: ValueType) -> &'static str {
    match kind {
        ValueType::String => "string",
        ValueType::Int => "int",
        ValueType::UnsignedInt => "unsigned_int",
        ValueType::Long => "long",
        ValueType::UnsignedLong => "unsigned_long",
        ValueType::Boolean => "boolean",
        ValueType::DateTime => "date_time",
        ValueType::Base64 => "base64",
        ValueType::HexBinary => "hex_binary",
        ValueType::Decimal => "decimal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_known_by_their_names() {
        let of = |text: &str| RustType::of(&syn::parse_str(text).unwrap());
        let known = |kind| RustType { item: Item::Known(kind), list: false };
        assert_eq!(of("bool"), known(ValueType::Boolean));
        assert_eq!(of("std::option::Option<DateTime>"), known(ValueType::DateTime));
        assert_eq!(of("Result<u64, Error>"), known(ValueType::UnsignedLong));
        assert_eq!(of("Vec<u32>"), RustType { item: Item::Known(ValueType::UnsignedInt), list: true });
        assert_eq!(of("Cow<'static, str>"), known(ValueType::String));
        assert_eq!(of("Status").item, Item::Other);
        assert_eq!(of("u16").item, Item::Never);
        assert_eq!(of("(u32, u32)").item, Item::Never);
    }
}
