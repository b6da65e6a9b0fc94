//! What has a name in the source of a plugin in Rust: the plugin, a struct for each object, enumerations.

use std::fmt::Write as _;

use super::identifier::{camel, field, unique};
use super::member::Member;
use super::plan::Plan;
use super::rust::has_field;

/// Names that the source uses for something else.
const TAKEN: &[&str] = &[
    "Base64",
    "Box",
    "ChangeFault",
    "Config",
    "DateTime",
    "Default",
    "Edit",
    "Effect",
    "Enumeration",
    "Err",
    "Error",
    "HexBinary",
    "Host",
    "None",
    "Object",
    "Ok",
    "Option",
    "Plugin",
    "Prepared",
    "Result",
    "Row",
    "Rows",
    "Self",
    "Serve",
    "Settings",
    "Some",
    "String",
    "Vec",
    "Wanted",
];

/// Everything that has a name in the source.
#[derive(Debug)]
pub(super) struct Names {
    /// The type of the plugin.
    pub(super) plugin: String,
    /// The struct of each object.
    pub(super) structs: Vec<String>,
    enumerations: Vec<Enumeration>,
}

/// An enumeration, which several parameters may have.
#[derive(Debug)]
struct Enumeration {
    name: String,
    /// The parameter that had it first.
    of: String,
    values: Vec<String>,
}

impl Names {
    pub(super) fn of(plan: &Plan) -> Self {
        let mut names = Self {
            plugin: format!("{}Plugin", camel(&plan.name)),
            structs: Vec::new(),
            enumerations: Vec::new(),
        };
        for object in &plan.objects {
            let parts: Vec<String> = object
                .path
                .split('.')
                .filter(|p| !p.is_empty() && *p != "{i}" && *p != "Device")
                .map(camel)
                .collect();
            // The last part says most; where it is taken, those before it help.
            let candidates: Vec<String> =
                (1..=parts.len()).map(|n| parts[parts.len() - n..].concat()).collect();
            let name = unique(&candidates, |name| names.is_taken(name));
            names.structs.push(name);
        }
        for (i, object) in plan.objects.iter().enumerate() {
            for member in object.members.iter().filter(|m| has_field(m) && is_enumeration(m)) {
                names.add_enumeration(i, member);
            }
        }
        names
    }

    pub(super) fn has_enumerations(&self) -> bool {
        !self.enumerations.is_empty()
    }

    /// The enumerations as source.
    pub(super) fn enumerations(&self, text: &mut String) {
        for enumeration in &self.enumerations {
            enumerate(text, enumeration);
        }
    }

    fn is_taken(&self, name: &str) -> bool {
        TAKEN.contains(&name)
            || self.plugin == name
            || self.structs.iter().any(|other| other == name)
            || self.enumerations.iter().any(|other| other.name == name)
    }

    fn add_enumeration(&mut self, object: usize, member: &Member) {
        let values: Vec<String> = member.values().into_iter().map(str::to_owned).collect();
        if self.enumerations.iter().any(|e| e.values == values) {
            return;
        }
        let own = camel(&member.name);
        let candidates = [own.clone(), format!("{}{own}", self.structs[object])];
        let name = unique(&candidates, |name| self.is_taken(name));
        self.enumerations.push(Enumeration { name, of: member.name.clone(), values });
    }

    /// The enumeration that a parameter has as its type.
    pub(super) fn enumeration(&self, member: &Member) -> &str {
        let values = member.values();
        // `of` made one for each.
        self.enumerations.iter().find(|e| e.values == values).map_or("String", |e| &e.name)
    }
}

/// Whether its type is an enumeration, or a list of one.
pub(super) fn is_enumeration(member: &Member) -> bool {
    !member.values().is_empty() && (member.facets.list.is_none() || member.item().is_some())
}

fn enumerate(text: &mut String, enumeration: &Enumeration) {
    let mut variants: Vec<String> = Vec::new();
    for value in &enumeration.values {
        variants.push(unique(&[camel(value)], |name| variants.iter().any(|v| v == name)));
    }
    let _ = writeln!(text, "\n/// The values of `{}`.\n#[derive(Enumeration)]", enumeration.of);
    if share_words(&enumeration.name, &variants) {
        text.push_str("#[allow(clippy::enum_variant_names)] // the names are the standard's\n");
    }
    let _ = writeln!(text, "enum {} {{", enumeration.name);
    for (variant, value) in variants.iter().zip(&enumeration.values) {
        if variant != value {
            let _ = writeln!(text, "    #[value({value:?})]");
        }
        let _ = writeln!(text, "    {variant},");
    }
    text.push_str("}\n");
}

/// Whether clippy might find that the variants repeat something.
fn share_words(name: &str, variants: &[String]) -> bool {
    let ends = |first: bool| {
        let word = |v: &String| {
            let field = field(v);
            let mut words = field.split('_');
            if first { words.next() } else { words.next_back() }.map(str::to_owned)
        };
        let mut all = variants.iter().map(word);
        let one = all.next();
        variants.len() > 2 && all.all(|word| Some(&word) == one.as_ref())
    };
    let name = name.to_ascii_lowercase();
    let repeats = |v: &String| {
        let v = v.to_ascii_lowercase();
        v.starts_with(&name) || v.ends_with(&name)
    };
    ends(true) || ends(false) || variants.iter().any(repeats)
}
