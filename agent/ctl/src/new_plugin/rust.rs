//! The source of a plugin in Rust, formatted as `cargo fmt` would.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use cwmp_model::ValueType;

use super::identifier::{camel, field, fold};
use super::member::{Member, Start};
use super::names::{is_enumeration, Names};
use super::plan::{Plan, Served};

/// The longest line, as rustfmt has it.
const WIDTH: usize = 100;
/// The most keys by which a row is known as they stand; a row that lies deeper takes an `At`.
const MAX_KEYS: usize = 4;
/// The longest arguments of an attribute that stay on its line.
const ATTRIBUTE_WIDTH: usize = 70;

/// Whether the struct has it: one for which only the author can choose a first value stands there as a comment.
pub(super) fn has_field(member: &Member) -> bool {
    member.start != Start::Author
}

/// The whole of `src/lib.rs`.
pub(super) fn source(plan: &Plan, names: &Names) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = writeln!(text, "//! `{}`: what the device has at `{}`.", plan.name, plan.roots.join("` and `"));
    text.push_str("#![forbid(unsafe_code)]\n\n#[cfg(test)]\nmod tests;\n\n");
    imports(&mut text, plan, names);
    plugin(&mut text, plan, names);
    for (object, name) in plan.objects.iter().zip(&names.structs) {
        serve(&mut text, object, name, names);
    }
    if plan.objects.iter().flat_map(|o| &o.members).any(|m| m.start == Start::DeviceAlone) {
        text.push_str(
            "\nfn unknown<T>() -> Result<T, Error> {\n    Err(Error::name(\"it is not known yet\"))\n}\n",
        );
    }
    for (object, name) in plan.objects.iter().zip(&names.structs) {
        structure(&mut text, plan, object, name, names);
    }
    names.enumerations(&mut text);
    text
}

fn imports(text: &mut String, plan: &Plan, names: &Names) {
    let mut used: BTreeSet<&str> = ["Config", "Error", "Host", "Object", "Plugin", "Serve"].into();
    if plan.has_settings() {
        used.insert("Settings");
    }
    if names.has_enumerations() {
        used.insert("Enumeration");
    }
    for object in plan.objects.iter().filter(|object| has_read(object)) {
        used.insert("Wanted");
        if object.is_many() {
            used.insert("Rows");
        }
    }
    for member in plan.objects.iter().flat_map(|o| &o.members).filter(|m| has_field(m) && !is_enumeration(m))
    {
        match member.item().unwrap_or(member.kind) {
            ValueType::DateTime => used.insert("DateTime"),
            ValueType::Base64 => used.insert("Base64"),
            ValueType::HexBinary => used.insert("HexBinary"),
            _ => false,
        };
    }
    let all: Vec<&str> = std::iter::once("declare").chain(used).collect();
    let line = format!("use cwmp_plugin_sdk::{{{}}};", all.join(", "));
    // The braces of a list leave two columns free.
    if line.len() <= WIDTH - 2 {
        let _ = writeln!(text, "{line}\n");
        return;
    }
    text.push_str("use cwmp_plugin_sdk::{\n");
    let mut line = String::from("   ");
    for name in all {
        if line.len() + name.len() + 2 > WIDTH {
            let _ = writeln!(text, "{line}");
            line = String::from("   ");
        }
        let _ = write!(line, " {name},");
    }
    let _ = writeln!(text, "{line}\n}};\n");
}

/// The plugin itself, and what it is when it begins.
fn plugin(text: &mut String, plan: &Plan, names: &Names) {
    let plugin = &names.plugin;
    let (fields, create, settings) = if plan.has_settings() {
        (
            " {\n    /// What others may set: it survives a power cut, and a transaction that fails leaves it alone.\n    \
             settings: Settings,\n}",
            "Ok(Self {\n            settings: Settings::load(&host)?,\n        })",
            "\n    fn settings(&self) -> Option<&Settings> {\n        Some(&self.settings)\n    }\n",
        )
    } else {
        (";", "Ok(Self)", "")
    };
    let host = if plan.has_settings() { "host" } else { "_" };
    let _ = writeln!(text, "/// The plugin.\nstruct {plugin}{fields}\n");
    let _ = write!(text, "declare! {{\n    {plugin}, name: \"{}\", base: \"{}\",\n", plan.name, plan.base);
    let objects = names.structs.join(", ");
    if objects.len() + 18 <= WIDTH {
        let _ = writeln!(text, "    objects {{ {objects} }}\n}}\n");
    } else {
        text.push_str("    objects {\n");
        for name in &names.structs {
            let _ = writeln!(text, "        {name},");
        }
        text.push_str("    }\n}\n\n");
    }
    let _ = write!(
        text,
        "impl Plugin for {plugin} {{\n    fn create({host}: Host, config: &Config) -> Result<Self, Error> {{\n        \
         // What the [config] of the manifest may say. A name that is not in this list is a mistake.\n        \
         config.only(&[])?;\n        {create}\n    }}\n{settings}}}\n"
    );
}

/// Whether the author has something to fill in.
fn has_read(object: &Served) -> bool {
    object.members.iter().any(|m| has_field(m) && !m.is_writable()) || object.is_table() && !object.writable
}

fn serve(text: &mut String, object: &Served, name: &str, names: &Names) {
    let plugin = &names.plugin;
    if !has_read(object) {
        let _ = write!(
            text,
            "\n// All of it is set by others, and kept. `Serve::change` would do something about it.\n"
        );
        let _ = writeln!(text, "impl Serve<{name}> for {plugin} {{}}");
        return;
    }
    let all = if object.is_many() { format!("Rows<{name}>") } else { name.to_owned() };
    let _ = writeln!(text, "\nimpl Serve<{name}> for {plugin} {{");
    let alone: Vec<&Member> = object.members.iter().filter(|m| m.start == Start::DeviceAlone).collect();
    let is_whole = object.members.iter().filter(|m| has_field(m)).count() == alone.len();
    let kept = if is_whole && !object.is_many() && !alone.is_empty() { "_" } else { "kept" };
    let line = format!("    fn read(&mut self, {kept}: {all}, _: &Wanted<'_>) -> Result<{all}, Error> {{");
    if line.len() <= WIDTH {
        let _ = writeln!(text, "{line}");
    } else {
        let _ = writeln!(text, "    fn read(\n        &mut self,\n        {kept}: {all},\n        _: &Wanted<'_>,\n    ) -> Result<{all}, Error> {{");
    }
    let sample = object.members.iter().find(|m| has_field(m) && !m.is_writable());
    let sample = sample.map_or(String::new(), |m| format!("{}: {}, ", field_name(m), known(m, names)));
    if object.is_many() {
        let is_deep = object.depth() > MAX_KEYS;
        let key = match object.depth() {
            1 => "\"key\"".to_owned(),
            _ if is_deep => "at".to_owned(),
            n => format!("({})", vec!["\"key\""; n].join(", ")),
        };
        let about: &[&str] = match (object.is_table(), object.writable) {
            (true, true) => &[
                "The rows that were added are in `kept`. Those that the device finds by itself have a key",
                "that stays the same for ever, such as a name; the agent numbers them:",
            ],
            (true, false) => &[
                "The device finds the rows, nobody else. Each has a key that stays the same for ever,",
                "such as a name, and the agent numbers them. With `mut kept`:",
            ],
            (false, _) => &[
                "What was set for rows that were added is in `kept`. A row of the device is known by its",
                "key, or its number:",
            ],
        };
        for line in about {
            let _ = writeln!(text, "        // {line}");
        }
        let is_more =
            object.members.iter().filter(|m| has_field(m)).count() > usize::from(!sample.is_empty());
        let of = if is_deep { "at.clone()" } else { &key };
        let rest = if is_more { format!("..kept.of({of})") } else { sample_end(&sample) };
        let new = if is_more { format!("{sample}{rest}") } else { rest };
        let new = if new.is_empty() { String::new() } else { format!(" {new} ") };
        if is_deep {
            let at = "cwmp_plugin_sdk::At { above: vec![\"key\".into(); ABOVE], row: \"key\".into() }"
                .replace("ABOVE", &(object.depth() - 1).to_string());
            let _ = writeln!(text, "        //     let at = {at};");
        }
        let _ = writeln!(text, "        //     let row = {name} {{{new}}};");
        let _ = writeln!(text, "        //     kept.push({key}, row);");
    } else {
        let rest = if is_whole { "" } else { "..kept" };
        let sample = if is_whole { sample_end(&sample) } else { sample };
        let _ = write!(
            text,
            "        // {}:\n        \
             //     Ok({name} {{ {sample}{rest} }})\n        \
             // A field that stays None reads as empty, or is left out of the answer.\n",
            if object.members.iter().any(Member::is_writable) {
                "What was set is in `kept`. What the device knows goes over it"
            } else {
                "Nothing is known in `kept`. What the device knows goes over it"
            }
        );
    }
    body(text, object, name, &alone, is_whole);
    text.push_str("    }\n");
    if object.writable || object.members.iter().any(Member::is_writable) {
        text.push_str(&change_sample(name));
    }
    text.push_str("}\n");
}

/// Where the device hears of what was set.
fn change_sample(name: &str) -> String {
    let sample = format!(
        "fn change(
    &mut self,
    edits: Vec<cwmp_plugin_sdk::Edit<{name}>>,
) -> Result<cwmp_plugin_sdk::Prepared<Self>, Vec<cwmp_plugin_sdk::ChangeFault>> {{
    // Here a change is refused, with the fault of an edit.
    Ok(Box::new(move |_: &mut Self| {{
        for edit in edits {{
            // Here the device is told of edit.new, which is None for a row that goes.
            drop(edit);
        }}
        Ok(cwmp_plugin_sdk::Effect::Now)
    }}))
}}"
    );
    let about =
        "    // What is set is kept. Where it means something to the device, `change` is written as well:\n";
    let lines = sample.lines().map(|line| format!("    //     {line}\n"));
    format!("\n{about}{}", lines.collect::<String>())
}

fn body(text: &mut String, object: &Served, name: &str, alone: &[&Member], is_whole: bool) {
    if alone.is_empty() {
        text.push_str("        Ok(kept)\n");
        return;
    }
    let mut fields = Vec::new();
    for member in alone {
        fields.push(format!("{}: unknown(),", field_name(member)));
    }
    if !is_whole {
        fields.push("..kept".to_owned());
    }
    if object.is_many() {
        let kept = if is_whole { "_" } else { "kept" };
        let _ = writeln!(text, "        let rows = kept.into_iter().map(|(at, {kept})| {{");
        let _ = writeln!(text, "            let row = {name} {{");
        for field in &fields {
            let _ = writeln!(text, "                {field}");
        }
        text.push_str("            };\n            (at, row)\n        });\n        Ok(rows.collect())\n");
    } else {
        let _ = writeln!(text, "        Ok({name} {{");
        for field in &fields {
            let _ = writeln!(text, "            {field}");
        }
        text.push_str("        })\n");
    }
}

/// What a sample ends with, where nothing follows.
fn sample_end(sample: &str) -> String {
    sample.trim_end_matches(", ").to_owned()
}

/// The struct of an object.
fn structure(text: &mut String, plan: &Plan, object: &Served, name: &str, names: &Names) {
    let what = if object.is_table() { "A row of" } else { "What there is at" };
    let shown = object.path.strip_suffix("{i}.").unwrap_or(&object.path);
    let _ = writeln!(text, "\n/// {what} `{shown}`.\n#[derive(Object)]");
    let mut arguments = vec![format!("\"{}\"", object.path)];
    if object.writable && object.is_table() {
        arguments.push("writable".to_owned());
    }
    if let Some(model) =
        plan.model.as_ref().filter(|_| object.standard && object.path.starts_with("Device.Services."))
    {
        arguments.push(format!("model = \"{model}\""));
    }
    attribute(text, "", "object", &arguments);
    if object.members.is_empty() {
        let _ = writeln!(text, "struct {name} {{}}");
        return;
    }
    let _ = writeln!(text, "struct {name} {{");
    for member in &object.members {
        line(text, member, names);
    }
    text.push_str("}\n");
}

/// A field, with what is said about it.
fn line(text: &mut String, member: &Member, names: &Names) {
    let field = field_name(member);
    if !has_field(member) {
        let _ = write!(
            text,
            "    // {}: it can be set, and must hold something before that. Say what, and take the slashes away:\n    \
             // #[param(writable, \"factory=\")]\n    // {field}: String,\n",
            member.name
        );
        return;
    }
    if let Some(about) = member.about() {
        let about = about.replace('[', "\\[").replace(']', "\\]");
        let mut chars = about.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase()).into_iter();
        let _ = writeln!(text, "    /// {}.", first.chain(chars).collect::<String>());
    }
    let mut arguments = Vec::new();
    if fold(&field) != fold(&member.name) || needs_name(member) {
        arguments.push(format!("\"{}\"", member.name));
    }
    if member.is_writable() {
        arguments.push("writable".to_owned());
    }
    match &member.start {
        Start::Chosen(value) => arguments.push(format!("\"factory={value}\"")),
        _ if !member.standard && !member.text.is_empty() => arguments.push(format!("\"{}\"", member.text)),
        _ => {}
    }
    if !arguments.is_empty() {
        attribute(text, "    ", "param", &arguments);
    }
    let _ = writeln!(text, "    {field}: {},", rust_type(member, names));
}

/// A vendor's parameter is called as its field in camel case, unless that is said.
fn needs_name(member: &Member) -> bool {
    if member.standard {
        return false;
    }
    let camel: String = field_name(member)
        .trim_start_matches("r#")
        .split('_')
        .map(|part| {
            let mut chars = part.chars();
            chars
                .next()
                .map_or(String::new(), |first| first.to_ascii_uppercase().to_string() + chars.as_str())
        })
        .collect();
    member.name.starts_with("X_") || camel != member.name
}

fn attribute(text: &mut String, indent: &str, name: &str, arguments: &[String]) {
    let (line, around) = (arguments.join(", "), indent.len() + name.len() + "#[()]".len());
    let is_one = match arguments {
        // A single argument that is too long for a line of its own is left alone.
        [only] => line.len() + around <= WIDTH || only.len() + indent.len() + 4 > WIDTH,
        _ => line.len() <= ATTRIBUTE_WIDTH,
    };
    if is_one {
        let _ = writeln!(text, "{indent}#[{name}({line})]");
        return;
    }
    let lines: Vec<String> = arguments.iter().map(|argument| format!("{indent}    {argument}")).collect();
    let _ = writeln!(text, "{indent}#[{name}(\n{}\n{indent})]", lines.join(",\n"));
}

pub(super) fn field_name(member: &Member) -> String {
    field(&member.name)
}

fn rust_type(member: &Member, names: &Names) -> String {
    let item = |kind| match kind {
        _ if is_enumeration(member) => names.enumeration(member),
        ValueType::String => "String",
        ValueType::Int => "i32",
        ValueType::UnsignedInt => "u32",
        ValueType::Long => "i64",
        ValueType::UnsignedLong => "u64",
        ValueType::Boolean => "bool",
        ValueType::DateTime => "DateTime",
        ValueType::Base64 => "Base64",
        ValueType::HexBinary => "HexBinary",
        ValueType::Decimal => "f64",
    };
    let plain = match member.item() {
        Some(kind) => format!("Vec<{}>", item(kind)),
        None => item(member.kind).to_owned(),
    };
    match (&member.start, member.item()) {
        (Start::DeviceAlone, _) => format!("Result<{plain}, Error>"),
        (Start::Device, None) => format!("Option<{plain}>"),
        _ => plain,
    }
}

/// A value as the source has it, once it is known: for a comment.
fn known(member: &Member, names: &Names) -> String {
    let value = match member.item().unwrap_or(member.kind) {
        _ if is_enumeration(member) => {
            let values = member.values();
            let enumeration = names.enumeration(member);
            values.first().map_or("...".to_owned(), |value| format!("{enumeration}::{}", camel(value)))
        }
        ValueType::Boolean => "true".to_owned(),
        ValueType::String => "\"text\".to_owned()".to_owned(),
        ValueType::DateTime => "DateTime::now()".to_owned(),
        ValueType::Base64 => "Base64(bytes)".to_owned(),
        ValueType::HexBinary => "HexBinary(bytes)".to_owned(),
        ValueType::Decimal => "1.0".to_owned(),
        _ => "1".to_owned(),
    };
    let value = if member.item().is_some() { format!("vec![{value}]") } else { value };
    match (&member.start, member.item()) {
        (Start::DeviceAlone, _) => format!("Ok({value})"),
        (_, Some(_)) => value,
        _ => format!("Some({value})"),
    }
}
