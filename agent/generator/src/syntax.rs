//! What narrows the values of a parameter, from its syntaxes and the named types they use.

use cwmp_model::facets::{Bounds, Nested};

use crate::document::Documents;
use crate::element::Element;
use crate::flat::Part;
use crate::GeneratorError;

/// The types that have no definition.
const BUILT_IN: [&str; 10] = [
    "base64",
    "boolean",
    "dateTime",
    "decimal",
    "hexBinary",
    "int",
    "long",
    "string",
    "unsignedInt",
    "unsignedLong",
];

/// Sizes that contradict the pattern beside them, so that no value would be left: the parameter, what is written and what is
/// meant.
const SIZES: &[(&str, Bounds, Bounds)] = &[(
    // Eight pairs of digits with commas between.
    "Device.Bridging.Bridge.{i}.Port.{i}.PriorityCodePoint.PCPDecoding",
    exactly(15),
    exactly(31),
)];

const fn exactly(length: i128) -> Bounds {
    Bounds { low: Some(length), high: Some(length), step: None }
}

/// What is said where nothing is.
const ANY: Bounds = Bounds { low: None, high: None, step: None };

/// One value of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumerationValue {
    /// The value.
    pub value: String,
    /// Whether only the device sets it.
    pub read_only: bool,
    /// Whether an implementation may leave it out.
    pub optional: bool,
}

/// A reference to something else in the tree, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// Where the targets are, relative or not; none is anywhere.
    pub parents: Vec<String>,
    /// `row`, `parameter`, ...
    pub target: String,
    /// Whether it is emptied when its target goes.
    pub strong: bool,
}

/// A list of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List {
    /// How many.
    pub items: Bounds,
    /// How many characters.
    pub sizes: Vec<Bounds>,
    /// What is in the brackets of an item, if items have brackets.
    pub nested: Option<Nested>,
}

/// All that is said of the values of a parameter.
#[derive(Debug, Clone, Default)]
pub struct Syntax {
    /// The built-in type of a value, or of an item of a list.
    pub base: String,
    /// The named type.
    pub data_type: Option<String>,
    /// The list, if it is one.
    pub list: Option<List>,
    /// Numbers.
    pub ranges: Vec<Bounds>,
    /// Lengths.
    pub sizes: Vec<Bounds>,
    /// Values.
    pub enumeration: Vec<EnumerationValue>,
    /// XML Schema regular expressions.
    pub patterns: Vec<String>,
    /// The unit.
    pub units: Option<String>,
    /// What it refers to.
    pub reference: Option<Reference>,
    /// The parameter whose list has the values, relative or not.
    pub values_from: Option<String>,
    /// The value that means none of that list.
    pub no_value: Option<String>,
    /// The value in a new row.
    pub default: Option<String>,
    /// The value after a factory reset.
    pub factory: Option<String>,
    /// Whether it reads as empty.
    pub hidden: bool,
    /// Whether setting it starts something.
    pub command: bool,
}

impl Syntax {
    /// What all syntaxes of a parameter together say.
    pub fn new(documents: &Documents, path: &str, parts: &[Part<'_>]) -> Result<Self, GeneratorError> {
        let mut syntax = Self::default();
        for part in parts {
            syntax.apply(documents, path, *part)?;
        }
        for (parameter, wrong, right) in SIZES {
            if *parameter == path && syntax.sizes == [*wrong] {
                syntax.sizes = vec![*right];
            }
        }
        if syntax.base.is_empty() {
            let what = "it has no type".to_owned();
            return Err(GeneratorError::Node { path: path.to_owned(), what });
        }
        Ok(syntax)
    }

    fn apply(&mut self, documents: &Documents, path: &str, part: Part<'_>) -> Result<(), GeneratorError> {
        let wrong = |what: String| GeneratorError::Node { path: path.to_owned(), what };
        let element = part.element;
        self.hidden |= element.get("hidden") == Some("true") || element.get("secured") == Some("true");
        self.command |= element.get("command") == Some("true");
        for child in &element.children {
            match child.name.as_str() {
                "list" => {
                    let mut new = list(child).map_err(wrong)?;
                    if let Some(old) = self.list.take() {
                        // An override says only what changes.
                        if new.sizes.is_empty() {
                            new.sizes = old.sizes;
                        }
                        if new.items == ANY {
                            new.items = old.items;
                        }
                        new.nested = new.nested.or(old.nested);
                    }
                    self.list = Some(new);
                }
                "dataType" => {
                    let name = child.get("ref").or_else(|| child.get("base")).unwrap_or_default();
                    if self.data_type.as_deref() != Some(name) {
                        self.reset_values();
                        self.named(documents, part.document, name, path)?;
                        self.data_type = Some(name.to_owned());
                    }
                    self.facets(child).map_err(wrong)?;
                }
                "default" => {
                    let value = child.get("value").unwrap_or_default().to_owned();
                    match child.get("type") {
                        Some("object") => self.default = Some(value),
                        Some("factory") => self.factory = Some(value),
                        // What an implementation does without the parameter is no value of it.
                        Some("implementation") => {}
                        other => return Err(wrong(format!("a default of type {other:?}"))),
                    }
                }
                built_in if BUILT_IN.contains(&built_in) => {
                    if self.base != built_in || self.data_type.is_some() {
                        self.reset_values();
                        built_in.clone_into(&mut self.base);
                    }
                    self.facets(child).map_err(wrong)?;
                }
                "description" => {}
                other => return Err(wrong(format!("a syntax with <{other}>"))),
            }
        }
        Ok(())
    }

    /// A parameter that is given another type loses what was said of the first.
    fn reset_values(&mut self) {
        *self = Self {
            list: self.list.take(),
            default: self.default.take(),
            factory: self.factory.take(),
            hidden: self.hidden,
            command: self.command,
            ..Self::default()
        };
    }

    /// What a named type says, and before it what it is derived from.
    fn named(
        &mut self,
        documents: &Documents,
        document: usize,
        name: &str,
        path: &str,
    ) -> Result<(), GeneratorError> {
        let wrong = |what: String| GeneratorError::Node { path: path.to_owned(), what };
        let place = documents.data_type(document, name)?;
        let definition = documents.element(place);
        if let Some(base) = definition.get("base") {
            self.named(documents, place.document, base, path)?;
        }
        for child in &definition.children {
            let name = child.name.as_str();
            if BUILT_IN.contains(&name) {
                name.clone_into(&mut self.base);
                self.facets(child).map_err(wrong)?;
            } else if name == "list" {
                let inner = list(child).map_err(wrong)?;
                match &mut self.list {
                    Some(outer) if outer.nested.is_some() => outer.nested = Some(Nested::List(inner.items)),
                    Some(_) => return Err(wrong("a list of lists without brackets".to_owned())),
                    none => *none = Some(inner),
                }
            }
        }
        self.facets(definition).map_err(wrong)
    }

    /// The facets inside a type. Sizes, ranges and patterns replace what was said before, values of enumerations add to it.
    fn facets(&mut self, element: &Element) -> Result<(), String> {
        let all = |name: &str| -> Result<Vec<Bounds>, String> {
            let (low, high) = match name {
                "size" => ("minLength", "maxLength"),
                _ => ("minInclusive", "maxInclusive"),
            };
            let bounds = element.all(name).map(|e| bounds(e, low, high)).collect::<Result<Vec<_>, _>>()?;
            Ok(bounds.into_iter().filter(|b| b.low.is_some() || b.high.is_some()).collect())
        };
        let sizes = all("size")?;
        if !sizes.is_empty() {
            self.sizes = sizes;
        }
        let ranges = all("range")?;
        if !ranges.is_empty() {
            self.ranges = ranges;
        }
        let patterns = element.all("pattern").filter(|p| !p.is_deleted());
        let patterns: Vec<String> = patterns.filter_map(|p| p.get("value")).map(str::to_owned).collect();
        if !patterns.is_empty() {
            self.patterns = patterns;
        }
        for child in &element.children {
            match child.name.as_str() {
                "enumeration" => self.enumeration_value(child),
                "units" => self.units = child.get("value").map(str::to_owned),
                "pathRef" => {
                    let parents = child.get("targetParent").unwrap_or_default();
                    self.reference = Some(Reference {
                        parents: parents.split_whitespace().map(str::to_owned).collect(),
                        target: child.get("targetType").unwrap_or("any").to_owned(),
                        strong: child.get("refType") == Some("strong"),
                    });
                }
                "enumerationRef" => {
                    self.values_from = child.get("targetParam").map(str::to_owned);
                    self.no_value = child.get("nullValue").map(str::to_owned);
                }
                "size" | "range" | "pattern" | "description" | "list" => {}
                built_in if BUILT_IN.contains(&built_in) => {}
                other => return Err(format!("a type with <{other}>")),
            }
        }
        Ok(())
    }

    fn enumeration_value(&mut self, element: &Element) {
        let value = element.get("value").unwrap_or_default();
        let known = self.enumeration.iter().position(|e| e.value == value);
        if element.is_deleted() {
            if let Some(at) = known {
                self.enumeration.remove(at);
            }
            return;
        }
        let new = EnumerationValue {
            value: value.to_owned(),
            read_only: element.get("access") == Some("readOnly"),
            optional: element.get("optional") == Some("true"),
        };
        match known {
            Some(at) => self.enumeration[at] = new,
            None => self.enumeration.push(new),
        }
    }
}

fn list(element: &Element) -> Result<List, String> {
    let sizes =
        element.all("size").map(|e| bounds(e, "minLength", "maxLength")).collect::<Result<Vec<_>, _>>()?;
    Ok(List {
        items: bounds(element, "minItems", "maxItems")?,
        sizes: sizes.into_iter().filter(|b| b.low.is_some() || b.high.is_some()).collect(),
        nested: (element.get("nestedBrackets") == Some("required")).then_some(Nested::Text),
    })
}

/// Two attributes and a step; a least length or number of zero says nothing where less is not possible.
fn bounds(element: &Element, low: &str, high: &str) -> Result<Bounds, String> {
    let number = |name: &str| match element.get(name) {
        None | Some("unbounded") => Ok(None),
        Some(text) => {
            text.trim().parse::<i128>().map(Some).map_err(|_| format!("{name}={text} is no number"))
        }
    };
    let counts = low != "minInclusive";
    Ok(Bounds {
        low: number(low)?.filter(|n| !(counts && *n == 0)),
        high: number(high)?,
        step: number("step")?.filter(|n| *n != 1),
    })
}
