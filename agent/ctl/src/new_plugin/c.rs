//! The source of a plugin in C: the table of what there is goes into a template.

use std::fmt::Write as _;

use cwmp_model::{NodeFlags, ValueType};

use super::files::fill;
use super::member::Member;
use super::plan::{Plan, Served};

/// The flags that a parameter may have, by their names in the header.
const FLAGS: [(NodeFlags, &str); 7] = [
    (NodeFlags::WRITABLE, "CWMP_NODE_WRITABLE"),
    (NodeFlags::SECRET, "CWMP_NODE_SECRET"),
    (NodeFlags::FORCED, "CWMP_NODE_FORCED"),
    (NodeFlags::FORCED_DEFAULT, "CWMP_NODE_FORCED_DEFAULT"),
    (NodeFlags::PASSIVE, "CWMP_NODE_PASSIVE"),
    (NodeFlags::INFORM, "CWMP_NODE_INFORM"),
    // What only sets something going reads as if nothing had been said.
    (NodeFlags::COMMAND, "CWMP_NODE_SECRET"),
];

/// The whole of `NAME.c`.
pub(super) fn source(plan: &Plan) -> String {
    let (mut nodes, mut initial) = (String::new(), String::new());
    for object in &plan.objects {
        object_lines(&mut nodes, &mut initial, object);
    }
    let all = plan.objects.iter().flat_map(|o| o.members.iter().map(move |m| (o, m)));
    let sample = all.clone().find(|(_, m)| !m.is_writable()).or_else(|| all.clone().next());
    let sample =
        sample.map_or(plan.base.clone(), |(object, member)| format!("{}{}", object.path, member.name));
    let setting = all.clone().find(|(_, m)| m.is_writable());
    let setting =
        setting.map_or(plan.base.clone(), |(object, member)| format!("{}{}", object.path, member.name));
    let setting = setting.replace("{i}", "1");
    let table = plan.objects.iter().find(|o| o.is_table());
    let table = table.map_or("Device.Table.", |o| o.path.strip_suffix("{i}.").unwrap_or(&o.path)).to_owned();
    let values = [
        ("nodes", nodes.trim_end()),
        ("initial", initial.trim_end()),
        ("sample", &sample),
        ("setting", &setting),
        ("table", &table),
    ];
    fill(include_str!("templates/plugin.c.in"), plan, &values)
}

fn object_lines(nodes: &mut String, initial: &mut String, object: &Served) {
    let mut flags = vec!["CWMP_NODE_OBJECT"];
    if object.is_table() {
        flags.push("CWMP_NODE_TABLE");
    }
    if object.is_table() && object.writable {
        flags.push("CWMP_NODE_WRITABLE");
    }
    // The agent knows the standard's keys of a table.
    // Writing to a String does not fail.
    let _ = writeln!(nodes, "    {{TEXT({}), 0, {}, TEXT(\"\")}},", literal(&object.path), flags.join(" | "));
    initial.push_str("    NULL,\n");
    for member in &object.members {
        let path = format!("{}{}", object.path, member.name);
        let _ = writeln!(
            nodes,
            "    {{TEXT({}), {}, {}, TEXT({})}},",
            literal(&path),
            kind(member.kind),
            flag_text(member),
            literal(&member.text)
        );
        let text = member.initial();
        let _ = writeln!(initial, "    {},", text.map_or("NULL".to_owned(), |text| literal(&text)));
    }
}

fn flag_text(member: &Member) -> String {
    let mut flags: Vec<&str> = Vec::new();
    for (flag, name) in FLAGS {
        if member.flags.has(flag) && !flags.contains(&name) {
            flags.push(name);
        }
    }
    if flags.is_empty() {
        "0".to_owned()
    } else {
        flags.join(" | ")
    }
}

fn kind(kind: ValueType) -> &'static str {
    match kind {
        ValueType::String => "CWMP_STRING",
        ValueType::Int => "CWMP_INT",
        ValueType::UnsignedInt => "CWMP_UNSIGNED_INT",
        ValueType::Long => "CWMP_LONG",
        ValueType::UnsignedLong => "CWMP_UNSIGNED_LONG",
        ValueType::Boolean => "CWMP_BOOLEAN",
        ValueType::DateTime => "CWMP_DATE_TIME",
        ValueType::Base64 => "CWMP_BASE64",
        ValueType::HexBinary => "CWMP_HEX_BINARY",
        ValueType::Decimal => "CWMP_DECIMAL",
    }
}

/// A text as a literal of C.
fn literal(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            // Two question marks begin a trigraph.
            '"' | '\\' | '?' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_a_literal_of_c() {
        assert_eq!(literal(r#"a\d"b"#), r#""a\\d\"b""#);
        assert_eq!(literal("a??)"), r#""a\?\?)""#);
    }
}
