//! A mapping against what a service says of itself.
//!
//! Whoever has a bus asks the [`questions`], looks the objects up, and hands what they say to [`check_live`].

use std::collections::BTreeMap;

use crate::conversion::{Conversion, Named};
use crate::error::Problem;
use crate::introspection::{Interface, Introspection};
use crate::mapping::{Condition, How, Mapping, Object, Parameter, Place, Position, RowKey, Rows, Source};
use crate::raw::Element;
use crate::signature::Type;

const MANAGER: &str = "org.freedesktop.DBus.ObjectManager";

/// An object whose introspection is wanted.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Question {
    /// The index of the service.
    pub service: usize,
    /// Which object.
    pub object: Subject,
}

/// An object as a mapping means it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// The one at this path.
    Path(String),
    /// Any object that is a row of the table with this index.
    Row(usize),
    /// The one that a property of another names.
    Via {
        /// The other.
        base: Box<Subject>,
        /// The interface of the property.
        interface: String,
        /// The property.
        property: String,
    },
}

/// What is known of the objects; one that is missing could not be looked up.
pub type Answers = BTreeMap<Question, Introspection>;

/// What came of a check.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What the service has in another way than the mapping says.
    pub problems: Vec<Problem>,
    /// What could not be checked, because there is no such object now.
    pub unchecked: Vec<Problem>,
}

/// All objects that the mapping means, each once.
pub fn questions(mapping: &Mapping) -> Vec<Question> {
    let mut seeker = Seeker::default();
    visit(mapping, &mut seeker);
    seeker.0.sort_unstable();
    seeker.0.dedup();
    seeker.0
}

/// Checks a mapping against what the objects say.
pub fn check_live(mapping: &Mapping, answers: &Answers) -> Findings {
    let mut judge = Judge { mapping, answers, findings: Findings::default() };
    visit(mapping, &mut judge);
    let mut findings = judge.findings;
    for list in [&mut findings.problems, &mut findings.unchecked] {
        list.sort();
        list.dedup();
    }
    findings
}

/// What a mapping says of an interface of an object.
enum Claim<'a> {
    /// It is there.
    Interface,
    /// It has a property, of which this part is converted.
    Property { name: &'a str, element: &'a [Element], conversion: Option<&'a Conversion>, pushed: bool },
    /// A property that is compared as text.
    Scalar(&'a str),
    /// A property that names objects.
    Paths(&'a str),
    /// It has a property that can be set, of this type if one is given.
    Settable(&'a str, Option<&'a Type>),
    /// It has a method that takes these.
    Method(&'a str, Vec<&'a Type>),
}

trait Visitor {
    fn claim(&mut self, at: &Position, key: &str, question: Question, interface: &str, claim: Claim<'_>);
}

#[derive(Default)]
struct Seeker(Vec<Question>);

impl Visitor for Seeker {
    fn claim(&mut self, _: &Position, _: &str, question: Question, _: &str, _: Claim<'_>) {
        self.0.push(question);
    }
}

/// Shows a visitor everything that a mapping says of objects.
fn visit(mapping: &Mapping, visitor: &mut dyn Visitor) {
    for (index, table) in mapping.tables.iter().enumerate() {
        let (at, service) = (&table.position, table.service);
        let row = || Question { service, object: Subject::Row(index) };
        match &table.rows {
            Rows::Managed { manager, parent, conditions, interface, .. } => {
                let question = Question { service, object: Subject::Path(manager.clone()) };
                visitor.claim(at, "manager", question, MANAGER, Claim::Interface);
                if let Some(parent) = parent {
                    visitor.claim(at, "parent", row(), interface, Claim::Scalar(parent));
                }
                for condition in conditions {
                    visitor.claim(
                        at,
                        "where",
                        row(),
                        &condition.interface,
                        Claim::Scalar(&condition.property),
                    );
                }
            }
            Rows::One(_) => visitor.claim(at, "interface", row(), &table.interface, Claim::Interface),
            Rows::Listed { interface, property } => {
                let object = match table.outer {
                    Some(outer) => Subject::Row(outer),
                    None => Subject::Path(mapping.services[service].path.clone()),
                };
                visitor.claim(
                    at,
                    "property",
                    Question { service, object },
                    interface,
                    Claim::Paths(property),
                );
            }
        }
        if let RowKey::Property(name) = &table.key {
            visitor.claim(at, "key", row(), &table.interface, Claim::Scalar(name));
        }
    }
    for parameter in &mapping.parameters {
        visit_parameter(parameter, visitor);
    }
}

fn visit_parameter(parameter: &Parameter, visitor: &mut dyn Visitor) {
    let Some(service) = parameter.service else { return };
    let at = &parameter.position;
    let ask = |object: &Object| Question { service, object: subject(object, parameter.table) };
    let mut object = |object: &Object| {
        if let Object::Via { base, property } = object {
            visitor.claim(at, "via", ask(&base.object), &base.interface, Claim::Paths(property));
        }
    };
    match &parameter.source {
        Source::Property { place, .. } | Source::Method { place, .. } => object(&place.object),
        Source::Cases { object: o, .. } => object(o),
        Source::Count { .. } | Source::Constant(_) => {}
    }
    match &parameter.source {
        Source::Property { place, names, element } => {
            for (index, name) in names.iter().enumerate() {
                let key = if index == 0 { "property" } else { "fallback" };
                let conversion = Some(&parameter.conversion);
                let claim = Claim::Property { name, element, conversion, pushed: parameter.pushed };
                visitor.claim(at, key, ask(&place.object), &place.interface, claim);
            }
        }
        Source::Method { place, member, arguments, .. } => {
            let takes = arguments.iter().map(|(of, _)| of).collect();
            visitor.claim(at, "method", ask(&place.object), &place.interface, Claim::Method(member, takes));
        }
        Source::Cases { object, cases, .. } => {
            for (Condition { interface, property, .. }, _) in cases {
                let claim = Claim::Property {
                    name: property,
                    element: &[],
                    conversion: None,
                    pushed: parameter.pushed,
                };
                visitor.claim(at, "cases", ask(object), interface, claim);
            }
        }
        Source::Count { manager, .. } => {
            let question = Question { service, object: Subject::Path(manager.clone()) };
            visitor.claim(at, "manager", question, MANAGER, Claim::Interface);
        }
        Source::Constant(_) => {}
    }
    let Some(write) = &parameter.write else { return };
    let Place { object, interface } = &write.place;
    match &write.how {
        How::Property { name, of } => {
            visitor.claim(at, "write", ask(object), interface, Claim::Settable(name, of.as_ref()));
        }
        How::Method { member, arguments } => {
            let takes = arguments.iter().map(|(of, _)| of).collect();
            visitor.claim(at, "write.method", ask(object), interface, Claim::Method(member, takes));
        }
    }
    if let Some(previous) = &write.previous {
        let claim = Claim::Property { name: previous, element: &[], conversion: None, pushed: false };
        visitor.claim(at, "write.previous", ask(object), interface, claim);
    }
}

fn subject(object: &Object, table: Option<usize>) -> Subject {
    match object {
        Object::Fixed(path) => Subject::Path(path.clone()),
        Object::Row => Subject::Row(table.unwrap_or_default()),
        Object::Via { base, property } => Subject::Via {
            base: Box::new(subject(&base.object, table)),
            interface: base.interface.clone(),
            property: property.clone(),
        },
    }
}

struct Judge<'a> {
    mapping: &'a Mapping,
    answers: &'a Answers,
    findings: Findings,
}

impl Visitor for Judge<'_> {
    fn claim(&mut self, at: &Position, key: &str, question: Question, interface: &str, claim: Claim<'_>) {
        let shown = |text: String| Problem { line: at.line, key: format!("{}.{key}", at.key), text };
        let service = &self.mapping.services[question.service].name;
        let Some(answer) = self.answers.get(&question) else {
            let text = match &question.object {
                Subject::Path(path) => format!(
                    "{service} shows nothing at {path}: it is not on the bus and not started by it, or has no such object"
                ),
                Subject::Row(table) => {
                    format!("{service} has no object for {} now", self.mapping.tables[*table].path)
                }
                Subject::Via { property, .. } => format!("{service} names no object as {property} now"),
            };
            let fixed = matches!(question.object, Subject::Path(_));
            let list = if fixed { &mut self.findings.problems } else { &mut self.findings.unchecked };
            list.push(shown(text));
            return;
        };
        match answer.interfaces.get(interface) {
            Some(found) => self.findings.problems.extend(judge(found, interface, &claim).map(shown)),
            // An object may have an interface at some times only: a modem without a card, for example.
            None if matches!(question.object, Subject::Path(_)) => {
                self.findings.problems.push(shown(format!("the object has no interface {interface}")));
            }
            None => {
                self.findings.unchecked.push(shown(format!("the object has no interface {interface} now")));
            }
        }
    }
}

/// What is wrong with a claim.
fn judge(found: &Interface, interface: &str, claim: &Claim<'_>) -> Option<String> {
    let property = |name: &str| {
        let all = || found.properties.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        found
            .properties
            .get(name)
            .ok_or_else(|| format!("{interface} has no property {name}; it has: {}", all()))
    };
    let result = match claim {
        Claim::Interface => Ok(()),
        Claim::Property { name, element, conversion, pushed } => property(name).and_then(|p| {
            if *pushed && !p.announced {
                return Err(format!("changes of {name} are not announced: say 'pushed = false'"));
            }
            let of =
                inner(&p.of, element).map_err(|why| format!("{name} is of the type '{}': {why}", p.of))?;
            match conversion {
                Some(conversion) => {
                    fits(conversion, of).map_err(|why| format!("{name} is of the type '{of}': {why}"))
                }
                None => Ok(()),
            }
        }),
        Claim::Scalar(name) => property(name).and_then(|p| match &p.of {
            Type::Array(_) | Type::Dict(..) | Type::Struct(_) | Type::File => {
                Err(format!("{name} is of the type '{}', which cannot be compared", p.of))
            }
            _ => Ok(()),
        }),
        Claim::Paths(name) => property(name).and_then(|p| match &p.of {
            Type::Path => Ok(()),
            Type::Array(item) if **item == Type::Path => Ok(()),
            other => Err(format!("{name} is of the type '{other}', not of object paths")),
        }),
        Claim::Settable(name, of) => property(name).and_then(|p| match of {
            _ if !p.writable => Err(format!("{name} cannot be set; a method may do it")),
            Some(of) if **of != p.of => Err(format!("{name} is of the type '{}', not '{of}'", p.of)),
            _ => Ok(()),
        }),
        Claim::Method(name, takes) => match found.methods.get(*name) {
            Some((theirs, _)) if theirs.iter().eq(takes.iter().copied()) => Ok(()),
            Some((theirs, _)) => {
                let theirs: String = theirs.iter().map(ToString::to_string).collect();
                let ours: String = takes.iter().map(ToString::to_string).collect();
                Err(format!("{name} takes '{theirs}', not '{ours}'"))
            }
            None => {
                let all = found.methods.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
                Err(format!("{interface} has no method {name}; it has: {all}"))
            }
        },
    };
    result.err()
}

/// The type at the end of steps.
fn inner<'a>(of: &'a Type, steps: &[Element]) -> Result<&'a Type, String> {
    let Some((first, rest)) = steps.split_first() else { return Ok(of) };
    match (of, first) {
        // What a variant holds is seen only when it is read.
        (Type::Variant, _) => Ok(of),
        (Type::Array(item), Element::Index(_)) => inner(item, rest),
        (Type::Dict(_, value), Element::Key(_)) => inner(value, rest),
        (Type::Struct(members), Element::Index(index)) => {
            let length = i64::try_from(members.len()).unwrap_or(i64::MAX);
            let place = if *index < 0 { length + index } else { *index };
            let found = usize::try_from(place).ok().and_then(|place| members.get(place));
            inner(found.ok_or_else(|| format!("it has no member {index}"))?, rest)
        }
        _ => Err(format!("it has no {first}")),
    }
}

/// Whether a conversion can do something with values of a type.
fn fits(conversion: &Conversion, of: &Type) -> Result<(), &'static str> {
    let item = match of {
        Type::Array(item) if **item != Type::Byte => item.as_ref(),
        other => other,
    };
    let scalar = !matches!(item, Type::Array(_) | Type::Dict(..) | Type::Struct(_) | Type::File);
    if *item == Type::Variant {
        return Ok(());
    }
    let number = item.is_integer() || *item == Type::Double;
    let bytes = *item == Type::Array(Box::new(Type::Byte));
    let good = if conversion.values.is_some() {
        scalar
    } else if conversion.bits.is_some() {
        item.is_integer()
    } else if conversion.scale.is_some() {
        number
    } else if conversion.row_of.is_some() {
        matches!(item, Type::Path | Type::Text)
    } else {
        match conversion.named {
            Some(Named::UnixSeconds | Named::UnixMillis | Named::UnixMicros | Named::Log2Micros) => {
                item.is_integer()
            }
            Some(Named::PosixTz) => *item == Type::Text,
            Some(Named::Utf8) => bytes,
            Some(Named::Mac) => bytes || *item == Type::Text,
            Some(Named::Ip) => bytes || item.is_integer() || *item == Type::Text,
            None => scalar || bytes,
        }
    };
    if good {
        Ok(())
    } else {
        Err("the conversion cannot take it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAPPING: &str = r#"
mapping = 1
[service.a]
name = "org.a.B"
path = "/org/a/B"
interface = "org.a.B"
[parameter."Device.X_A.Name"]
type = "string"
property = "Name"
write = true
[parameter."Device.X_A.Since"]
type = "dateTime"
property = "Stamps"
element = [1]
convert = "unix-us"
[parameter."Device.X_A.On"]
type = "boolean"
property = "On"
write = { method = "SetOn", signature = "bb", arguments = ["{value}", false] }
[table."Device.X_A.Item.{i}."]
objects = "org.a.B.Item"
key = "Id"
[parameter."Device.X_A.Item.{i}.Size"]
type = "unsignedInt"
property = "Size"
"#;

    fn xml(interface: &str, members: &str) -> Introspection {
        Introspection::parse(&format!("<node><interface name=\"{interface}\">{members}</interface></node>"))
            .unwrap()
    }

    fn check(house: &str, item: Option<&str>) -> (Vec<String>, Vec<String>) {
        let mapping = Mapping::parse("x", MAPPING).unwrap();
        let mut answers = Answers::new();
        for question in questions(&mapping) {
            match &question.object {
                Subject::Row(_) => answers.extend(item.map(|i| (question.clone(), xml("org.a.B.Item", i)))),
                _ => {
                    let mut all = xml("org.a.B", house);
                    all.interfaces.insert(MANAGER.to_owned(), Interface::default());
                    answers.insert(question, all);
                }
            }
        }
        let findings = check_live(&mapping, &answers);
        let shown = |all: &[Problem]| all.iter().map(ToString::to_string).collect();
        (shown(&findings.problems), shown(&findings.unchecked))
    }

    const GOOD: &str = r#"<property name="Name" type="s" access="readwrite"/><property name="Stamps" type="(st)" access="read"/>
        <property name="On" type="b" access="read"/><method name="SetOn"><arg type="b" direction="in"/><arg type="b" direction="in"/></method>"#;
    const ITEM: &str =
        r#"<property name="Id" type="s" access="read"/><property name="Size" type="u" access="read"/>"#;

    #[test]
    fn a_service_that_is_as_the_mapping_says_has_no_problem() {
        assert_eq!(check(GOOD, Some(ITEM)), (Vec::new(), Vec::new()));
    }

    #[test]
    fn what_the_service_has_otherwise_is_told() {
        let cases = [
            ("name=\"Name\"", "name=\"Label\"", "org.a.B has no property Name; it has: Label, On, Stamps"),
            ("access=\"readwrite\"", "access=\"read\"", "Name cannot be set; a method may do it"),
            ("\"(st)\"", "\"(s)\"", "it has no member 1"),
            ("\"(st)\"", "\"(ss)\"", "the conversion cannot take it"),
            ("<arg type=\"b\" direction=\"in\"/></method>", "</method>", "SetOn takes 'b', not 'bb'"),
            ("SetOn", "TurnOn", "org.a.B has no method SetOn; it has: TurnOn"),
            (
                "<property name=\"On\" type=\"b\" access=\"read\"/>",
                "<property name=\"On\" type=\"b\" access=\"read\"><annotation name=\"org.freedesktop.DBus.Property.EmitsChangedSignal\" value=\"false\"/></property>",
                "changes of On are not announced: say 'pushed = false'",
            ),
        ];
        for (from, to, expected) in cases {
            let changed = GOOD.replacen(from, to, 1);
            assert_ne!(changed, GOOD, "{from}");
            let (problems, _) = check(&changed, Some(ITEM));
            assert!(problems.iter().any(|p| p.contains(expected)), "{expected}: {problems:?}");
        }
        let (problems, _) = check(GOOD, Some(&ITEM.replace("\"u\"", "\"(uu)\"")));
        assert!(problems[0].contains("Size is of the type '(uu)'"), "{problems:?}");
    }

    #[test]
    fn what_is_not_there_now_is_not_held_against_the_mapping() {
        let (problems, unchecked) = check(GOOD, None);
        assert_eq!(problems, [""; 0]);
        assert!(
            unchecked.iter().all(|p| p.contains("has no object for Device.X_A.Item.{i}. now")),
            "{unchecked:?}"
        );
        assert_eq!(unchecked.len(), 2);
        let mapping = Mapping::parse("x", MAPPING).unwrap();
        let findings = check_live(&mapping, &Answers::new());
        assert!(findings.problems.iter().all(|p| p.text.starts_with("org.a.B shows nothing at /org/a/B: ")));
        assert!(!findings.problems.is_empty());
    }
}
