//! What a mapping says, once it is known to make sense.

use std::time::Duration;

use cwmp_model::ValueType;

use crate::conversion::Conversion;
use crate::raw::Element;
use crate::signature::Type;
use crate::template::Template;

/// How long a call may take unless a mapping says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(1);

/// A mapping.
#[derive(Debug, Clone)]
pub struct Mapping {
    /// The name of the file.
    pub file: String,
    /// The services.
    pub services: Vec<Service>,
    /// The tables, the outer ones before those inside them.
    pub tables: Vec<Table>,
    /// The parameters, by path.
    pub parameters: Vec<Parameter>,
}

/// Where in a file something stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The key.
    pub key: String,
}

/// A D-Bus service.
#[derive(Debug, Clone)]
pub struct Service {
    /// What the mapping calls it.
    pub alias: String,
    /// Its well-known name.
    pub name: String,
    /// The object that is meant where no other is named.
    pub path: String,
    /// The interface that is meant where no other is named.
    pub interface: Option<String>,
    /// How long a call may take.
    pub timeout: Duration,
    /// Whether a call may start it.
    pub activate: bool,
    /// Where it stands.
    pub position: Position,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table {
    /// The schema path, ending in `{i}.`.
    pub path: String,
    /// The index of its service.
    pub service: usize,
    /// The objects that are its rows.
    pub rows: Rows,
    /// What a row is recognised by.
    pub key: RowKey,
    /// The interface that is meant in its parameters where no other is named.
    pub interface: String,
    /// The index of the table it lies in.
    pub outer: Option<usize>,
    /// Which of the standard's models it is looked up in; `None` is the newest.
    pub model: Option<String>,
    /// Where it stands.
    pub position: Position,
}

/// The objects that are rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rows {
    /// The objects of an object manager that have an interface.
    Managed {
        /// The path of the manager.
        manager: String,
        /// The interface.
        interface: String,
        /// Only those below this path.
        below: Option<String>,
        /// In a table inside another one: the property that names the object of the outer row. Without it, the objects
        /// below that of the outer row.
        parent: Option<String>,
        /// Only those for which all of this holds.
        conditions: Vec<Condition>,
    },
    /// One object, as long as the service is there.
    One(String),
    /// The objects that a property of the service's object, or of the outer row's, lists.
    Listed {
        /// The interface of the property.
        interface: String,
        /// The property, an array of object paths.
        property: String,
    },
}

/// What a row is recognised by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowKey {
    /// Its object path.
    Path,
    /// A property of the table's interface.
    Property(String),
}

/// A condition on a property.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The interface.
    pub interface: String,
    /// The property.
    pub property: String,
    /// Its values, as text.
    pub is: Vec<String>,
}

/// A parameter.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// The schema path.
    pub path: String,
    /// The index of its service; a constant has none.
    pub service: Option<usize>,
    /// The index of the table in whose rows it is.
    pub table: Option<usize>,
    /// Where the value comes from.
    pub source: Source,
    /// How the value becomes text and the other way round.
    pub conversion: Conversion,
    /// The value while the service is not there.
    pub when_absent: Option<String>,
    /// Whether the service announces changes.
    pub pushed: bool,
    /// How it is set.
    pub write: Option<Write>,
    /// What a vendor's parameter is.
    pub declared: Option<Declared>,
    /// Which of the standard's models it is looked up in; `None` is the newest.
    pub model: Option<String>,
    /// Where it stands.
    pub position: Position,
}

/// What the standard says of other parameters, for a vendor's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The type.
    pub kind: ValueType,
    /// What narrows its values, in the grammar of the model.
    pub facets: String,
    /// Whether it always reads as empty.
    pub secret: bool,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// One with a known path.
    Fixed(String),
    /// That of the row.
    Row,
    /// The one that a property names.
    Via {
        /// Where the property is.
        base: Box<Place>,
        /// The property, an object path.
        property: String,
    },
}

/// An interface of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The object.
    pub object: Object,
    /// The interface.
    pub interface: String,
}

/// Where a value comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// The first of these properties that is there and not empty, or the last that is there.
    Property {
        /// Where they are.
        place: Place,
        /// Their names; at least one.
        names: Vec<String>,
        /// Which part of the value.
        element: Vec<Element>,
    },
    /// The result of a method.
    Method {
        /// Where it is.
        place: Place,
        /// Its name.
        member: String,
        /// Its arguments.
        arguments: Vec<(Type, Template)>,
        /// Which part of the result; a result of several values is a structure.
        element: Vec<Element>,
    },
    /// The value of the first case whose property is one of those.
    Cases {
        /// Where the properties are, but for their interfaces.
        object: Object,
        /// The cases.
        cases: Vec<(Condition, String)>,
        /// The value when none holds.
        otherwise: String,
    },
    /// How many objects of an object manager have an interface.
    Count {
        /// The path of the manager.
        manager: String,
        /// The interface.
        interface: String,
        /// Only those below this path.
        below: Option<String>,
    },
    /// Always the same.
    Constant(String),
}

/// How a parameter is set.
#[derive(Debug, Clone)]
pub struct Write {
    /// Where.
    pub place: Place,
    /// By what.
    pub how: How,
    /// The value's texts and what is written for them; `None` is the conversion of the parameter, backwards.
    pub values: Option<Vec<(String, String)>>,
    /// The property, at the same place, that holds what was there before; for what cannot be read back from the parameter.
    pub previous: Option<String>,
}

/// By what a parameter is set.
#[derive(Debug, Clone)]
pub enum How {
    /// A property. Its type is that of its present value, unless it is given.
    Property {
        /// Its name.
        name: String,
        /// Its type.
        of: Option<Type>,
    },
    /// A method.
    Method {
        /// Its name.
        member: String,
        /// Its arguments.
        arguments: Vec<(Type, Template)>,
    },
}

impl Mapping {
    /// The table that a schema path ending in `{i}.` is.
    pub fn table(&self, path: &str) -> Option<usize> {
        self.tables.iter().position(|t| t.path == path)
    }

    /// What the provider of this mapping owns, for the roots of a manifest: every outermost table, and every parameter
    /// outside of tables.
    pub fn roots(&self) -> Vec<&str> {
        let tables =
            self.tables.iter().filter(|t| t.outer.is_none()).map(|t| t.path.trim_end_matches("{i}."));
        let parameters = self.parameters.iter().filter(|p| p.table.is_none()).map(|p| p.path.as_str());
        tables.chain(parameters).collect()
    }
}

impl Source {
    /// Whether it is one property as it is, so that writing its value back restores it.
    pub fn whole_property(&self) -> Option<(&Place, &str)> {
        match self {
            Self::Property { place, names, element } if names.len() == 1 && element.is_empty() => {
                Some((place, &names[0]))
            }
            _ => None,
        }
    }
}
