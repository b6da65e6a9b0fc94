//! Arguments of methods, with places for what is known only at the time of the call.

use crate::raw::{is_object_path, Raw};
use crate::signature::Type;

/// How deep arguments may be nested.
const MAX_DEPTH: usize = 8;

/// An argument, or a part of one.
#[derive(Debug, Clone, PartialEq)]
pub enum Template {
    /// Always this.
    Fixed(Raw),
    /// The value that is set: `"{value}"`.
    Value,
    /// The path of the object, as a path or a text: `"{object}"`.
    Object,
    /// The key of the row: `"{key}"`.
    Key,
    /// A text with some of these in it.
    Text(Vec<Piece>),
    /// An array or, with as many types as parts, a structure.
    Parts(Vec<(Type, Template)>),
    /// A dictionary.
    Dict(Vec<(Raw, Type, Template)>),
    /// A variant that holds this.
    Variant(Type, Box<Template>),
}

/// A part of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// Always this.
    Fixed(String),
    /// The value that is set, as text.
    Value,
    /// The path of the object.
    Object,
    /// The key of the row.
    Key,
}

/// What may be used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Allowed {
    /// `{value}`: a write.
    pub(crate) value: bool,
    /// `{key}`: in a row.
    pub(crate) key: bool,
}

impl Template {
    /// Reads an argument of a type; an error says what would be right.
    pub(crate) fn read(value: &toml::Value, of: &Type, allowed: Allowed) -> Result<Self, String> {
        read(value, of, allowed, 0)
    }

    /// Whether the value that is set is anywhere in it.
    pub fn has_value(&self) -> bool {
        self.any(&|t| match t {
            Self::Value => true,
            Self::Text(pieces) => pieces.contains(&Piece::Value),
            _ => false,
        })
    }

    /// The type that the value takes, if it stands somewhere as a whole and not within a text.
    pub fn value_type<'a>(&'a self, of: &'a Type) -> Option<&'a Type> {
        match self {
            Self::Value => Some(of),
            Self::Parts(parts) => parts.iter().find_map(|(of, part)| part.value_type(of)),
            Self::Dict(entries) => entries.iter().find_map(|(_, of, part)| part.value_type(of)),
            Self::Variant(of, inner) => inner.value_type(of),
            _ => None,
        }
    }

    fn any(&self, f: &dyn Fn(&Self) -> bool) -> bool {
        f(self)
            || match self {
                Self::Parts(parts) => parts.iter().any(|(_, part)| part.any(f)),
                Self::Dict(entries) => entries.iter().any(|(_, _, part)| part.any(f)),
                Self::Variant(_, inner) => inner.any(f),
                _ => false,
            }
    }
}

fn read(value: &toml::Value, of: &Type, allowed: Allowed, depth: usize) -> Result<Template, String> {
    use toml::Value as V;
    if depth > MAX_DEPTH {
        return Err("is nested too deeply".to_owned());
    }
    let next = |value: &V, of: &Type| read(value, of, allowed, depth + 1);
    match (value, of) {
        (V::String(text), _) if text.contains('{') => placeholder(text, of, allowed),
        (_, Type::Variant) => {
            let (inner, template) = guess(value, allowed, depth)?;
            Ok(Template::Variant(inner, Box::new(template)))
        }
        (V::Array(items), Type::Array(item)) => {
            let parts = items.iter().map(|i| Ok((item.as_ref().clone(), next(i, item)?)));
            Ok(Template::Parts(parts.collect::<Result<_, String>>()?))
        }
        (V::Array(items), Type::Struct(members)) => {
            if items.len() != members.len() {
                return Err(format!("has {} parts, '{of}' has {}", items.len(), members.len()));
            }
            let parts = items.iter().zip(members).map(|(i, of)| Ok((of.clone(), next(i, of)?)));
            Ok(Template::Parts(parts.collect::<Result<_, String>>()?))
        }
        (V::Table(entries), Type::Dict(key, of)) => {
            let entry = |(k, v): (&String, &V)| {
                let key = Raw::from_key_text(k, key).ok_or_else(|| format!("the key '{k}' is no '{key}'"))?;
                Ok((key, of.as_ref().clone(), next(v, of)?))
            };
            Ok(Template::Dict(entries.iter().map(entry).collect::<Result<_, String>>()?))
        }
        (V::String(text), Type::Text | Type::Signature) => Ok(Template::Fixed(Raw::Text(text.clone()))),
        (V::String(text), Type::Path) if is_object_path(text) => Ok(Template::Fixed(Raw::Path(text.clone()))),
        (V::Boolean(truth), Type::Bool) => Ok(Template::Fixed(Raw::Bool(*truth))),
        (V::Integer(n), Type::Double) => {
            #[allow(clippy::cast_precision_loss)] // what is written in a file is no counter
            Ok(Template::Fixed(Raw::Double(*n as f64)))
        }
        (V::Float(n), Type::Double) => Ok(Template::Fixed(Raw::Double(*n))),
        (V::Integer(n), _)
            if of.bounds().is_some_and(|(low, high)| (low..=high).contains(&i128::from(*n))) =>
        {
            Ok(Template::Fixed(Raw::Int(*n)))
        }
        _ => Err(format!("{} is no value of the type '{of}'", value.type_str())),
    }
}

/// Within a variant, TOML says the type: true and false are `b`, integers `i`, fractions `d`, texts `s`, lists of texts `as`.
fn guess(value: &toml::Value, allowed: Allowed, depth: usize) -> Result<(Type, Template), String> {
    use toml::Value as V;
    let of = match value {
        V::Boolean(_) => Type::Bool,
        V::Integer(_) => Type::I32,
        V::Float(_) => Type::Double,
        V::String(_) => Type::Text,
        V::Array(items) if items.iter().all(V::is_str) => Type::Array(Box::new(Type::Text)),
        V::Table(_) => Type::Dict(Box::new(Type::Text), Box::new(Type::Variant)),
        _ => return Err(format!("{} has no obvious type for a variant", value.type_str())),
    };
    let template = read(value, &of, allowed, depth + 1)?;
    Ok((of, template))
}

fn placeholder(text: &str, of: &Type, allowed: Allowed) -> Result<Template, String> {
    let known = "known are {value}, {value:TYPE}, {object} and {key}";
    let refuse = |name: &str, why: &str| Err(format!("{{{name}}} {why}"));
    let check = |name: &str| match name {
        "value" if !allowed.value => refuse(name, "is only there in a write"),
        "key" if !allowed.key => refuse(name, "is only there in the rows of a table"),
        "value" | "object" | "key" => Ok(()),
        other => Err(format!("there is no {{{other}}}; {known}")),
    };
    let whole = text.strip_prefix('{').and_then(|t| t.strip_suffix('}')).filter(|t| !t.contains(['{', '}']));
    if let Some(name) = whole {
        let (name, typed) = name.split_once(':').map_or((name, None), |(n, t)| (n, Some(t)));
        check(name)?;
        if let Some(text) = typed {
            let inner = Type::parse(text).ok_or_else(|| format!("'{text}' is no type of D-Bus"))?;
            if name != "value" || *of != Type::Variant {
                return Err("{value:TYPE} is for the inside of a variant".to_owned());
            }
            return Ok(Template::Variant(inner, Box::new(Template::Value)));
        }
        let scalar = matches!(of, Type::Text | Type::Path);
        return match (name, of) {
            ("value", Type::Variant) => {
                Err("in a variant the value needs a type, such as {value:u}".to_owned())
            }
            ("value", Type::Struct(_) | Type::Dict(..) | Type::File) => {
                Err(format!("{{value}} cannot be of the type '{of}'"))
            }
            ("value", _) => Ok(Template::Value),
            ("object", _) if scalar => Ok(Template::Object),
            ("key", Type::Text) => Ok(Template::Key),
            ("object", Type::Variant) => Ok(Template::Variant(Type::Path, Box::new(Template::Object))),
            ("key", Type::Variant) => Ok(Template::Variant(Type::Text, Box::new(Template::Key))),
            _ => Err(format!("{{{name}}} cannot be of the type '{of}'")),
        };
    }
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let (name, after) = after.split_once('}').ok_or("a '{' without its '}'")?;
        check(name)?;
        if !before.is_empty() {
            pieces.push(Piece::Fixed(before.to_owned()));
        }
        pieces.push(match name {
            "value" => Piece::Value,
            "object" => Piece::Object,
            _ => Piece::Key,
        });
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(Piece::Fixed(rest.to_owned()));
    }
    match of {
        Type::Text => Ok(Template::Text(pieces)),
        Type::Variant => Ok(Template::Variant(Type::Text, Box::new(Template::Text(pieces)))),
        _ => Err(format!("a text around a placeholder cannot be of the type '{of}'")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(text: &str, of: &str) -> Result<Template, String> {
        let table: toml::Table = toml::from_str(&format!("a = {text}")).unwrap();
        Template::read(&table["a"], &Type::parse(of).unwrap(), Allowed { value: true, key: true })
    }

    #[test]
    fn arguments_have_the_types_of_the_signature() {
        assert_eq!(template("7", "y"), Ok(Template::Fixed(Raw::Int(7))));
        assert!(template("256", "y").unwrap_err().contains("no value of the type 'y'"));
        assert_eq!(template("'{value}'", "u"), Ok(Template::Value));
        assert_eq!(template("'{value:u}'", "v"), Ok(Template::Variant(Type::U32, Box::new(Template::Value))));
        assert!(template("'{value}'", "v").unwrap_err().contains("{value:u}"));
        assert!(template("'{valeu}'", "s").unwrap_err().contains("known are"));
        assert!(template("'{value}x'", "u").is_err());
        assert_eq!(
            template("'if-{value}'", "s"),
            Ok(Template::Text(vec![Piece::Fixed("if-".into()), Piece::Value]))
        );
        let dict = template("{ ssid = '{value:ay}', hidden = true }", "a{sv}").unwrap();
        assert!(dict.has_value());
        let all = Type::parse("a{sv}").unwrap();
        assert_eq!(dict.value_type(&all), Some(&Type::Array(Type::Byte.into())));
        assert!(template("[1]", "(us)").unwrap_err().contains("has 1 parts"));
    }

    #[test]
    fn arguments_are_not_nested_without_end() {
        let nested = |depth: usize| {
            let text = format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
            template(&text, &format!("{}u", "a".repeat(depth)))
        };
        assert!(nested(MAX_DEPTH).is_ok());
        assert!(nested(MAX_DEPTH + 1).unwrap_err().contains("too deeply"));
    }

    #[test]
    fn what_a_place_does_not_have_is_refused() {
        let read = |text: &str, value, key| {
            Template::read(&toml::Value::String(text.into()), &Type::Text, Allowed { value, key })
        };
        assert!(read("{value}", false, true).unwrap_err().contains("only there in a write"));
        assert!(read("{key}", true, false).unwrap_err().contains("rows of a table"));
        assert!(read("{object", true, true).is_err());
    }
}
