//! A struct for each object of the standard, with a field for each parameter.

use std::fmt::Write as _;

use cwmp_model::facets::Facets;
use cwmp_model::standard::{Library, Object, Parameter};
use cwmp_model::ValueType;

/// Words that no field can have as its name.
const KEYWORDS: [&str; 8] = ["type", "ref", "mod", "use", "move", "match", "loop", "static"];

fn rust_type(parameter: &Parameter) -> String {
    let facets = Facets::parse(&parameter.facets).unwrap();
    let name = |kind| match kind {
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
    match facets.list {
        Some(_) => format!("Vec<{}>", name(facets.item.unwrap_or(parameter.kind))),
        None => name(parameter.kind).to_owned(),
    }
}

fn structure(index: usize, object: &Object, model: &str) -> String {
    let mut out = String::new();
    let writable = if object.table && object.writable { ", writable" } else { "" };
    let _ = writeln!(out, "#[derive(Object)]\n#[object({:?}{writable}, model = {model:?})]", object.path);
    let _ = writeln!(out, "pub struct Object{index} {{");
    let own = |p: &&Parameter| p.name != "Alias" && !p.name.ends_with("NumberOfEntries");
    for parameter in object.parameters.iter().filter(own) {
        if parameter.is_writable() {
            let _ = writeln!(out, "    #[param(writable)]");
        }
        let mut field = parameter.name.to_lowercase().replace('-', "_");
        if KEYWORDS.contains(&field.as_str()) {
            field.insert_str(0, "r#");
        }
        let _ = writeln!(out, "    pub {field}: {},", rust_type(parameter));
    }
    out + "}\n"
}

#[test]
fn every_object_of_the_standard_can_be_a_struct() {
    let library = Library::embedded();
    let mut text = "use cwmp_plugin_sdk::{Base64, DateTime, HexBinary, Object};\n".to_owned();
    let mut count = 0;
    for model in library.models() {
        for object in library.objects(&model).unwrap() {
            text += &structure(count, &object.unwrap(), &model.to_string());
            count += 1;
        }
    }
    assert!(count > 1_000, "{count} objects");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("standard.rs");
    std::fs::write(&file, text).unwrap();
    let said = super::compile(&file);
    assert!(said.is_empty(), "{}", said.lines().take(20).collect::<Vec<_>>().join("\n"));
}
