//! Values of zbus and values of mappings.

use cwmp_mapping::signature::Type;
use cwmp_mapping::template::{Piece, Template};
use cwmp_mapping::Raw;
use zbus::zvariant::{Array, Dict, ObjectPath, Signature, StructureBuilder, Value};

/// A value without variants; `None` if there is something in it that no mapping can use, such as a descriptor.
pub(crate) fn to_raw(value: &Value<'_>) -> Option<Raw> {
    Some(match value {
        Value::U8(n) => Raw::Int((*n).into()),
        Value::Bool(truth) => Raw::Bool(*truth),
        Value::I16(n) => Raw::Int((*n).into()),
        Value::U16(n) => Raw::Int((*n).into()),
        Value::I32(n) => Raw::Int((*n).into()),
        Value::U32(n) => Raw::Int((*n).into()),
        Value::I64(n) => Raw::Int(*n),
        Value::U64(n) => Raw::from_integer((*n).into())?,
        Value::F64(n) => Raw::Double(*n),
        Value::Str(text) => Raw::Text(text.to_string()),
        Value::Signature(signature) => Raw::Text(signature.to_string()),
        Value::ObjectPath(path) => Raw::Path(path.to_string()),
        Value::Value(inner) => to_raw(inner)?,
        Value::Array(items) if *items.element_signature() == Signature::U8 => {
            let bytes = items.inner().iter().map(|v| if let Value::U8(n) = v { Some(*n) } else { None });
            Raw::Bytes(bytes.collect::<Option<_>>()?)
        }
        Value::Array(items) => Raw::List(items.inner().iter().map(to_raw).collect::<Option<_>>()?),
        Value::Dict(entries) => {
            let entries = entries.iter().map(|(k, v)| Some((to_raw(k)?, to_raw(v)?)));
            Raw::Dict(entries.collect::<Option<_>>()?)
        }
        Value::Structure(members) => Raw::Struct(members.fields().iter().map(to_raw).collect::<Option<_>>()?),
        Value::Fd(_) => return None,
    })
}

/// The type of a value, as the service gave it.
pub(crate) fn type_of(value: &Value<'_>) -> Option<Type> {
    Type::parse(&value.value_signature().to_string())
}

/// A value of a type; `None` if it is none of that type.
pub(crate) fn encode(raw: &Raw, of: &Type) -> Option<Value<'static>> {
    let fits = |n: &i128| of.bounds().is_some_and(|(low, high)| (low..=high).contains(n));
    Some(match (of, raw) {
        (Type::Bool, Raw::Bool(truth)) => Value::Bool(*truth),
        (Type::Double, Raw::Double(n)) => Value::F64(*n),
        (Type::Text, Raw::Text(text)) => Value::from(text.clone()),
        (Type::Path, Raw::Path(path)) => Value::from(ObjectPath::try_from(path.clone()).ok()?),
        (Type::Signature, Raw::Text(text)) => Value::Signature(text.as_str().try_into().ok()?),
        (Type::Variant, _) => Value::Value(Box::new(encode(raw, &natural(raw)?)?)),
        (Type::Array(item), Raw::Bytes(bytes)) if **item == Type::Byte => Value::from(bytes.clone()),
        (Type::Array(item), Raw::List(items)) => {
            let mut array = Array::new(&signature(item)?);
            for one in items {
                array.append(encode(one, item)?).ok()?;
            }
            Value::Array(array)
        }
        (Type::Dict(key, value), Raw::Dict(entries)) => {
            let mut dict = Dict::new(&signature(key)?, &signature(value)?);
            for (k, v) in entries {
                dict.append(encode(k, key)?, encode(v, value)?).ok()?;
            }
            Value::Dict(dict)
        }
        (Type::Struct(types), Raw::Struct(members)) if types.len() == members.len() => {
            let mut all = StructureBuilder::new();
            for (of, member) in types.iter().zip(members) {
                all.push_value(encode(member, of)?);
            }
            Value::Structure(all.build().ok()?)
        }
        (of, raw) => {
            let n = raw.integer().filter(fits)?;
            match of {
                Type::Byte => Value::U8(n.try_into().ok()?),
                Type::I16 => Value::I16(n.try_into().ok()?),
                Type::U16 => Value::U16(n.try_into().ok()?),
                Type::I32 => Value::I32(n.try_into().ok()?),
                Type::U32 => Value::U32(n.try_into().ok()?),
                Type::I64 => Value::I64(n.try_into().ok()?),
                Type::U64 => Value::U64(n.try_into().ok()?),
                _ => return None,
            }
        }
    })
}

/// What fills the places of a template.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Filling<'a> {
    /// The value that is set, and its text.
    pub(crate) value: Option<(&'a Raw, &'a str)>,
    /// The path of the object.
    pub(crate) object: &'a str,
    /// The key of the row.
    pub(crate) key: &'a str,
}

/// An argument.
pub(crate) fn fill(template: &Template, of: &Type, with: Filling<'_>) -> Option<Value<'static>> {
    match template {
        Template::Fixed(raw) => encode(raw, of),
        Template::Value => encode(with.value?.0, of),
        Template::Object if *of == Type::Path => encode(&Raw::Path(with.object.to_owned()), of),
        Template::Object => encode(&Raw::Text(with.object.to_owned()), of),
        Template::Key => encode(&Raw::Text(with.key.to_owned()), of),
        Template::Text(pieces) => {
            let mut text = String::new();
            for piece in pieces {
                text.push_str(match piece {
                    Piece::Fixed(text) => text,
                    Piece::Value => with.value?.1,
                    Piece::Object => with.object,
                    Piece::Key => with.key,
                });
            }
            encode(&Raw::Text(text), of)
        }
        Template::Parts(parts) => match of {
            Type::Array(item) => {
                let mut array = Array::new(&signature(item)?);
                for (of, part) in parts {
                    array.append(fill(part, of, with)?).ok()?;
                }
                Some(Value::Array(array))
            }
            _ => {
                let mut all = StructureBuilder::new();
                for (of, part) in parts {
                    all.push_value(fill(part, of, with)?);
                }
                Some(Value::Structure(all.build().ok()?))
            }
        },
        Template::Dict(entries) => {
            let Type::Dict(key, value) = of else { return None };
            let mut dict = Dict::new(&signature(key)?, &signature(value)?);
            for (k, of, v) in entries {
                dict.append(encode(k, key)?, fill(v, of, with)?).ok()?;
            }
            Some(Value::Dict(dict))
        }
        Template::Variant(inner, part) => Some(Value::Value(Box::new(fill(part, inner, with)?))),
    }
}

fn signature(of: &Type) -> Option<Signature> {
    Signature::try_from(of.to_string().as_str()).ok()
}

/// The type that a value in a variant has when nobody says another.
fn natural(raw: &Raw) -> Option<Type> {
    Some(match raw {
        Raw::Bool(_) => Type::Bool,
        Raw::Int(n) if i32::try_from(*n).is_ok() => Type::I32,
        Raw::Int(_) => Type::I64,
        Raw::Large(_) => Type::U64,
        Raw::Double(_) => Type::Double,
        Raw::Text(_) => Type::Text,
        Raw::Path(_) => Type::Path,
        Raw::Bytes(_) => Type::Array(Box::new(Type::Byte)),
        Raw::List(items) => Type::Array(Box::new(natural(items.first()?)?)),
        Raw::Struct(_) | Raw::Dict(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_as_they_were() {
        let cases = [
            ("u", Raw::Int(7)),
            ("t", Raw::Large(u64::MAX)),
            ("ay", Raw::Bytes(vec![1, 2])),
            ("as", Raw::List(vec![Raw::Text("a".into())])),
            ("as", Raw::List(vec![])),
            ("(bo)", Raw::Struct(vec![Raw::Bool(true), Raw::Path("/a".into())])),
            ("a{su}", Raw::Dict(vec![(Raw::Text("k".into()), Raw::Int(1))])),
        ];
        for (of, raw) in cases {
            let of = Type::parse(of).unwrap();
            let value = encode(&raw, &of).unwrap();
            assert_eq!(type_of(&value), Some(of));
            assert_eq!(to_raw(&value), Some(raw));
        }
        assert!(encode(&Raw::Int(256), &Type::Byte).is_none());
        assert!(encode(&Raw::Text("x".into()), &Type::Bool).is_none());
    }

    #[test]
    fn a_template_is_filled() {
        let of = Type::parse("a{sv}").unwrap();
        let template = Template::Dict(vec![
            (Raw::Text("n".into()), Type::Variant, Template::Variant(Type::U32, Box::new(Template::Value))),
            (Raw::Text("who".into()), Type::Variant, Template::Variant(Type::Text, Box::new(Template::Key))),
        ]);
        let with = Filling { value: Some((&Raw::Int(5), "5")), object: "/o", key: "K" };
        let filled = to_raw(&fill(&template, &of, with).unwrap());
        let expected =
            vec![(Raw::Text("n".into()), Raw::Int(5)), (Raw::Text("who".into()), Raw::Text("K".into()))];
        assert_eq!(filled, Some(Raw::Dict(expected)));
    }
}
