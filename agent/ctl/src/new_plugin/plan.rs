//! What the plugin serves: the objects with their parameters, from the tables of the standard and the command line.

use cwmp_model::standard::{Library, LibraryError, Object, Status};
use cwmp_model::{path, ValueType};

use super::member::{Member, Start};
use crate::cli::NewPluginArguments;
use crate::error::CtlError;
use crate::suggestion::distance;

/// The longest name: with `cwmp-` before it, it is that of a user, who has 32 characters at most.
const MAX_NAME: usize = 27;
/// One letter of so many may be wrong in a path, and it is still recognised.
const LETTERS_OF_AN_ERROR: usize = 6;
/// What the agent serves itself, so that a plugin cannot: all below these,
const OF_THE_AGENT: [&str; 2] = ["Device.ManagementServer.", "Device.DeviceInfo.SupportedDataModel."];
/// and these alone.
const SHARED: [&str; 2] = ["Device.", "Device.DeviceInfo."];

/// A plugin before it is written.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) name: String,
    /// What all paths begin with.
    pub(super) base: String,
    /// What the manifest says that it owns.
    pub(super) roots: Vec<String>,
    /// The version of a model, if it is not the newest.
    pub(super) model: Option<String>,
    /// The tables before what is below them.
    pub(super) objects: Vec<Served>,
    /// What the author should know.
    pub(super) remarks: Vec<String>,
}

/// An object or a table.
#[derive(Debug)]
pub(super) struct Served {
    /// Its schema path.
    pub(super) path: String,
    /// Whether the ACS may add rows.
    pub(super) writable: bool,
    pub(super) standard: bool,
    pub(super) members: Vec<Member>,
}

impl Served {
    pub(super) fn is_table(&self) -> bool {
        self.path.ends_with("{i}.")
    }

    /// Whether there are as many of it as there are rows, its own or those above.
    pub(super) fn is_many(&self) -> bool {
        self.path.contains("{i}.")
    }

    /// How many rows lie around it, itself included.
    pub(super) fn depth(&self) -> usize {
        self.path.matches("{i}.").count()
    }
}

impl Plan {
    /// Takes the command line and the tables together.
    pub(super) fn new(arguments: &NewPluginArguments, library: &Library) -> Result<Self, CtlError> {
        check_name(&arguments.name)?;
        if let Some(model) = &arguments.model {
            check_model(model, library)?;
        }
        let known = paths(library)?;
        let (mut objects, mut remarks): (Vec<Served>, Vec<String>) = (Vec::new(), Vec::new());
        let mut model = arguments.model.clone();
        for (i, wanted) in arguments.objects.iter().enumerate() {
            let path = resolve(wanted, &known, library)?;
            if model.is_none() {
                model = older(library, &path)?;
            }
            let own = if i == 0 { arguments.parameters.as_slice() } else { &[] };
            for path in tables_above(&path) {
                if !objects.iter().any(|o| o.path == path) {
                    objects.push(served(library, &path, model.as_deref(), &[], false, &mut remarks)?);
                }
            }
            let new = served(library, &path, model.as_deref(), own, true, &mut remarks)?;
            match objects.iter_mut().find(|o| o.path == path) {
                Some(there) => *there = new,
                None => objects.push(new),
            }
        }
        let roots = roots(&objects);
        let base = common(&roots);
        Ok(Self { name: arguments.name.clone(), base, roots, model, objects, remarks })
    }

    /// Whether something can be set, or rows can be added.
    pub(super) fn has_settings(&self) -> bool {
        self.objects.iter().any(|o| o.writable || o.members.iter().any(Member::is_writable))
    }
}

fn usage<T>(text: String) -> Result<T, CtlError> {
    Err(CtlError::Usage(text))
}

fn wrong(error: &LibraryError) -> CtlError {
    CtlError::Usage(error.to_string())
}

/// A name is part of a bus name, a file, a user and a unit: all of them take these letters.
fn check_name(name: &str) -> Result<(), CtlError> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.bytes().all(letters) {
        return usage(format!("'{name}' is no name of a plugin: lower case letters, digits and '_'"));
    }
    if name.len() > MAX_NAME {
        return usage(format!("'{name}' is too long: the name of a plugin has at most {MAX_NAME} letters"));
    }
    Ok(())
}

/// A model that there is not is told with those of its name that there are, or with all.
fn check_model(model: &str, library: &Library) -> Result<(), CtlError> {
    if library.models().iter().any(|m| m.to_string() == model) {
        return Ok(());
    }
    let name = model.split(':').next().unwrap_or_default();
    let is_like = library.models().iter().any(|m| m.name == name);
    let models = library.models().into_iter().filter(|m| !is_like || m.name == name);
    let names: Vec<String> = models.map(|m| m.to_string()).collect();
    usage(format!("there is no data model '{model}'; there is {}", names.join(", ")))
}

/// All paths of objects that the tables have.
fn paths(library: &Library) -> Result<Vec<String>, CtlError> {
    let mut paths = Vec::new();
    for model in library.models() {
        for object in library.objects(&model).map_err(|e| wrong(&e))? {
            paths.push(object.map_err(|e| wrong(&e))?.path);
        }
    }
    paths.sort_unstable();
    paths.dedup();
    Ok(paths)
}

/// The schema path that was meant: rows may be left out, where the standard has them.
fn resolve(wanted: &str, known: &[String], library: &Library) -> Result<String, CtlError> {
    let wanted = if wanted.ends_with('.') { wanted.to_owned() } else { format!("{wanted}.") };
    let wanted = path::schema_path(&wanted);
    let plain = |path: &str| path.replace("{i}.", "");
    let found = known.iter().find(|path| **path == wanted);
    let found = found.or_else(|| known.iter().find(|path| plain(path) == plain(&wanted)));
    if let Some(found) = found {
        if is_of_the_agent(found) {
            let below = known.iter().find(|path| path.starts_with(found) && !is_of_the_agent(path));
            let hint = below.map_or("no plugin may have it".to_owned(), |path| {
                format!("a plugin may have an object below it, such as {path}")
            });
            return usage(format!("{found} is served by the agent itself; {hint}"));
        }
        return Ok(found.clone());
    }
    if let Some(mistake) = mistake_of(&wanted) {
        return usage(format!("'{wanted}' is no path of an object: {mistake}"));
    }
    if let Some(vendor) = wanted.split('.').position(|part| part.starts_with("X_")) {
        // What is above the vendor's own part is the standard's, with its rows.
        let parts: Vec<&str> = wanted.split_inclusive('.').collect();
        let (above, own) = (parts[..vendor].concat(), parts[vendor..].concat());
        return if above == "Device." { Ok(wanted) } else { Ok(above_of(&above, known)? + &own) };
    }
    let parameter = wanted.trim_end_matches('.');
    let hint = match nearest(&wanted, known) {
        _ if library.parameter(parameter, None).map_err(|e| wrong(&e))?.is_some() => {
            format!("{parameter} is a parameter: name its object {}", path::parent(parameter))
        }
        Some(like) => format!("did you mean {like}?"),
        None => "a vendor's own has a part that begins with X_".to_owned(),
    };
    usage(format!("the standard has no object {wanted}; {hint}"))
}

fn is_of_the_agent(path: &str) -> bool {
    SHARED.contains(&path) || OF_THE_AGENT.iter().any(|own| path.starts_with(own))
}

fn above_of(above: &str, known: &[String]) -> Result<String, CtlError> {
    let plain = |path: &str| path.replace("{i}.", "");
    match known.iter().find(|path| plain(path) == plain(above)) {
        Some(found) => Ok(found.clone()),
        None => usage(format!(
            "the standard has no {above}; {}",
            nearest(above, known)
                .map_or("a vendor's own begins with X_".to_owned(), |like| format!("did you mean {like}?"))
        )),
    }
}

/// What is wrong with a schema path of an object.
fn mistake_of(wanted: &str) -> Option<&'static str> {
    let parts: Vec<&str> = wanted.trim_end_matches('.').split('.').collect();
    if parts[0] != "Device" {
        return Some("it does not begin with Device.");
    }
    if parts.windows(2).any(|pair| pair == ["{i}", "{i}"]) {
        return Some("a row has no number of its own below it");
    }
    let good = |part: &&str| *part == "{i}" || path::is_name(part.as_bytes());
    (!parts.iter().all(good) || parts.len() < 2).then_some("a part of it is neither a name nor {i}")
}

/// The path that looks most like this one, if one does.
fn nearest<'a>(wanted: &str, known: &'a [String]) -> Option<&'a str> {
    let fold = |path: &str| path.replace("{i}.", "").to_ascii_lowercase();
    let wanted = fold(wanted);
    let reach = (wanted.len() / LETTERS_OF_AN_ERROR).max(1);
    let near = known.iter().filter(|path| fold(path).len().abs_diff(wanted.len()) <= reach);
    let far = near.map(|path| (distance(&wanted, &fold(path)), path));
    far.filter(|(far, _)| *far <= reach).min().map(|(_, path)| path.as_str())
}

/// The version of a service's model that has the path, if the newest has it no more.
fn older(library: &Library, path: &str) -> Result<Option<String>, CtlError> {
    let Some(service) = path.strip_prefix("Device.Services.").and_then(|rest| rest.split('.').next()) else {
        return Ok(None);
    };
    // Of one name the newest first.
    for (i, model) in library.models().iter().filter(|m| m.name == service).enumerate() {
        let choice = model.to_string();
        if library.object(path, Some(&choice)).map_err(|e| wrong(&e))?.is_some() {
            return Ok((i > 0).then_some(choice));
        }
    }
    Ok(None)
}

/// The tables that a path lies in, the outermost first; without itself.
fn tables_above(path: &str) -> Vec<String> {
    let ends = path.match_indices("{i}.").map(|(at, row)| at + row.len());
    ends.filter(|end| *end < path.len()).map(|end| path[..end].to_owned()).collect()
}

/// An object with its parameters; `is_wanted` if it is not only there for what is below.
fn served(
    library: &Library,
    path: &str,
    model: Option<&str>,
    own: &[String],
    is_wanted: bool,
    remarks: &mut Vec<String>,
) -> Result<Served, CtlError> {
    let standard = library.object(path, model).map_err(|e| wrong(&e))?;
    let is_vendor = cwmp_model::path::is_vendor(path);
    let mut members = match (&standard, is_vendor) {
        (Some(object), _) => of_standard(object, remarks),
        (None, true) => Vec::new(),
        (None, false) => {
            let of = model.map_or(String::new(), |model| format!(" of {model}"));
            return usage(format!("there is no {path}{of}"));
        }
    };
    for text in own {
        let member = parameter(text)?;
        if standard.is_some() && !member.name.starts_with("X_") {
            return usage(format!(
                "{path} is the standard's and has all its parameters; a vendor's own begins with X_, unlike '{}'",
                member.name
            ));
        }
        if members.iter().any(|m| m.name == member.name) {
            return usage(format!("{path} has the parameter {} already", member.name));
        }
        members.push(member);
    }
    if is_vendor && is_wanted && members.is_empty() {
        members.push(Member::of_vendor("Level", ValueType::UnsignedInt, true, "range=0:100;default=50"));
        members.push(Member::of_vendor("Since", ValueType::DateTime, false, ""));
    }
    let left_out = |m: &&Member| m.start == Start::Author;
    for member in members.iter().filter(left_out) {
        remarks.push(format!("{path}{}: what it holds before it is set only you can say", member.name));
    }
    let is_table = path.ends_with("{i}.");
    let writable = standard.as_ref().map_or(is_table, |object| object.writable);
    Ok(Served { path: path.to_owned(), writable, standard: standard.is_some(), members })
}

/// The parameters of an object that the plugin has to serve.
fn of_standard(object: &Object, remarks: &mut Vec<String>) -> Vec<Member> {
    if object.status != Status::Current {
        remarks.push(format!("{} is deprecated: the standard has something better by now", object.path));
    }
    // The agent keeps aliases and counts rows.
    let of_the_agent = |name: &str| name == "Alias" || name.ends_with("NumberOfEntries");
    let is_meant = |status: Status| status == Status::Current || status == object.status;
    let all = object.parameters.iter().filter(|p| is_meant(p.status) && !of_the_agent(&p.name));
    all.map(Member::of_standard).collect()
}

/// A `NAME:TYPE[:writable]` of the command line.
fn parameter(text: &str) -> Result<Member, CtlError> {
    let mut parts = text.split(':');
    let (name, kind, access) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let kind = kind.and_then(ValueType::from_name);
    let is_writable = match access {
        None => Some(false),
        Some("writable") => Some(true),
        Some(_) => None,
    };
    let (Some(kind), Some(is_writable), None) = (kind, is_writable, parts.next()) else {
        let types = ValueType::ALL.map(ValueType::name).join(", ");
        return usage(format!("'{text}' is not NAME:TYPE or NAME:TYPE:writable; the types are {types}"));
    };
    if !path::is_name(name.as_bytes()) {
        return usage(format!("'{name}' is no name of a parameter"));
    }
    if name == "Alias" || name.ends_with("NumberOfEntries") {
        return usage(format!("{name}: the agent keeps aliases and counts rows"));
    }
    Ok(Member::of_vendor(name, kind, is_writable, ""))
}

/// What the plugin owns: each object, unless it lies in another, a table as a whole.
fn roots(objects: &[Served]) -> Vec<String> {
    let mut roots: Vec<String> = Vec::new();
    for object in objects {
        let root = object.path.split("{i}.").next().unwrap_or_default().to_owned();
        if roots.iter().any(|other| root.starts_with(other.as_str())) {
            continue;
        }
        roots.retain(|other| !other.starts_with(&root));
        roots.push(root);
    }
    roots
}

/// The longest path of an object that all begin with.
fn common(roots: &[String]) -> String {
    let mut base = roots.first().cloned().unwrap_or_default();
    while !roots.iter().all(|root| root.starts_with(&base)) {
        base = path::parent(&base).to_owned();
    }
    base
}
