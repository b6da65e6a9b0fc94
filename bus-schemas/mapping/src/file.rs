//! The file as it is written: keys and their types, before anything is known of what they mean.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};
use serde::Deserialize;
use toml::Spanned;

/// A whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    pub(crate) mapping: Spanned<i64>,
    #[serde(default)]
    pub(crate) service: BTreeMap<String, Spanned<Service>>,
    #[serde(default)]
    pub(crate) table: BTreeMap<String, Spanned<Table>>,
    #[serde(default)]
    pub(crate) parameter: BTreeMap<String, Spanned<Parameter>>,
}

/// `[service.NAME]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) path: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) timeout_ms: Option<i64>,
    pub(crate) activate: Option<bool>,
}

/// `[table."PATH.{i}."]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Table {
    pub(crate) service: Option<String>,
    pub(crate) objects: Option<String>,
    pub(crate) manager: Option<String>,
    pub(crate) below: Option<String>,
    pub(crate) parent: Option<String>,
    #[serde(default, rename = "where")]
    pub(crate) conditions: Vec<Condition>,
    pub(crate) object: Option<String>,
    pub(crate) property: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) model: Option<String>,
}

/// A condition on a property.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Condition {
    pub(crate) property: String,
    pub(crate) interface: Option<String>,
    pub(crate) is: OneOrMany,
}

/// `[parameter."PATH"]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Parameter {
    pub(crate) service: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) via: Option<String>,
    pub(crate) property: Option<String>,
    #[serde(default)]
    pub(crate) fallback: Vec<String>,
    pub(crate) method: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) arguments: Option<Vec<toml::Value>>,
    pub(crate) cases: Option<Vec<Case>>,
    pub(crate) count: Option<String>,
    pub(crate) manager: Option<String>,
    pub(crate) below: Option<String>,
    pub(crate) constant: Option<Scalar>,
    #[serde(default)]
    pub(crate) element: Vec<Step>,
    pub(crate) values: Option<BTreeMap<String, Scalar>>,
    pub(crate) bits: Option<BTreeMap<String, OneOrMany>>,
    pub(crate) otherwise: Option<Scalar>,
    pub(crate) multiply: Option<i64>,
    pub(crate) divide: Option<i64>,
    pub(crate) add: Option<i64>,
    pub(crate) convert: Option<String>,
    pub(crate) row_of: Option<String>,
    pub(crate) when_absent: Option<Scalar>,
    pub(crate) pushed: Option<bool>,
    pub(crate) write: Option<WriteOrFlag>,
    #[serde(rename = "type")]
    pub(crate) kind: Option<String>,
    pub(crate) facets: Option<String>,
    pub(crate) secret: Option<bool>,
    pub(crate) model: Option<String>,
}

/// One line of `cases`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    pub(crate) property: String,
    pub(crate) interface: Option<String>,
    pub(crate) is: OneOrMany,
    pub(crate) value: Scalar,
}

/// `write = { ... }`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Write {
    pub(crate) property: Option<String>,
    pub(crate) method: Option<String>,
    pub(crate) interface: Option<String>,
    pub(crate) object: Option<String>,
    pub(crate) signature: Option<String>,
    pub(crate) arguments: Option<Vec<toml::Value>>,
    pub(crate) values: Option<BTreeMap<String, Scalar>>,
    pub(crate) previous: Option<String>,
}

/// `write = true` is short for the property that is read.
#[derive(Debug)]
pub(crate) enum WriteOrFlag {
    Flag(bool),
    Write(Box<Write>),
}

impl<'de> Deserialize<'de> for WriteOrFlag {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = WriteOrFlag;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, or { property = ... } or { method = ... }")
            }

            fn visit_bool<E>(self, flag: bool) -> Result<WriteOrFlag, E> {
                Ok(WriteOrFlag::Flag(flag))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<WriteOrFlag, A::Error> {
                let write = Write::deserialize(MapAccessDeserializer::new(map))?;
                Ok(WriteOrFlag::Write(Box::new(write)))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// A text, a number or a truth value, as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scalar(pub(crate) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalars).and_then(|all| match <[String; 1]>::try_from(all) {
            Ok([one]) => Ok(Self(one)),
            Err(_) => Err(serde::de::Error::custom("expected one value, not a list")),
        })
    }
}

/// One scalar, or a list of them.
#[derive(Debug, Clone)]
pub(crate) struct OneOrMany(pub(crate) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Scalars).map(Self)
    }
}

struct Scalars;

impl<'de> Visitor<'de> for Scalars {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a number, true or false")
    }

    fn visit_str<E>(self, text: &str) -> Result<Vec<String>, E> {
        Ok(vec![text.to_owned()])
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Vec<String>, E> {
        Ok(vec![truth.to_string()])
    }

    fn visit_i64<E>(self, n: i64) -> Result<Vec<String>, E> {
        Ok(vec![n.to_string()])
    }

    fn visit_f64<E>(self, n: f64) -> Result<Vec<String>, E> {
        Ok(vec![n.to_string()])
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<String>, A::Error> {
        let mut all = Vec::new();
        while let Some(Scalar(one)) = items.next_element()? {
            all.push(one);
        }
        Ok(all)
    }
}

/// A step into a value: a position or a key.
#[derive(Debug)]
pub(crate) enum Step {
    Index(i64),
    Key(String),
}

impl<'de> Deserialize<'de> for Step {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl Visitor<'_> for Either {
            type Value = Step;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a position such as 0, or the key of a dictionary as text")
            }

            fn visit_i64<E>(self, index: i64) -> Result<Step, E> {
                Ok(Step::Index(index))
            }

            fn visit_str<E>(self, key: &str) -> Result<Step, E> {
                Ok(Step::Key(key.to_owned()))
            }
        }
        deserializer.deserialize_any(Either)
    }
}
