//! What lies around the source: manifest, rights, how it is built, what to do next.

use std::path::Path;

use super::names::Names;
use super::place::File;
use super::plan::Plan;
use super::{c, rust, rust_test};

/// The files of a plugin in Rust.
pub(super) fn rust(plan: &Plan, kit: &Path, models: &Path) -> Vec<File> {
    let names = Names::of(plan);
    let (kit_text, tables) = (kit.display().to_string(), models.display().to_string());
    let mut files = vec![
        file("Cargo.toml", fill(include_str!("templates/Cargo.toml.in"), plan, &[("kit", &kit_text)])),
        file("src/lib.rs", rust::source(plan, &names)),
        file("src/tests.rs", rust_test::source(plan)),
        file("README.md", fill(include_str!("templates/README-rust.md.in"), plan, &[("tables", &tables)])),
        file(".gitignore", "/target\n".to_owned()),
    ];
    // The versions that the kit was tested with, all of which accept its compiler. What is not used goes with the first build.
    if let Ok(lock) = std::fs::read_to_string(kit.join("Cargo.lock")) {
        files.push(file("Cargo.lock", lock));
    }
    files.extend(around(plan));
    files
}

/// The files of a plugin in C.
pub(super) fn c(plan: &Plan, kit: Option<&Path>, models: &Path) -> Vec<File> {
    // Without sources, the header is where the compiler looks by itself.
    let header =
        kit.map_or("/usr/include".to_owned(), |kit| kit.join("plugins/abi/include").display().to_string());
    let places = [("header", header.as_str()), ("tables", &models.display().to_string())];
    let mut files = vec![
        file("Makefile", fill(include_str!("templates/Makefile.in"), plan, &places)),
        file(&format!("{}.c", plan.name), c::source(plan)),
        file("settings.c", include_str!("templates/settings.c.in").to_owned()),
        file("settings.h", include_str!("templates/settings.h.in").to_owned()),
        file("README.md", fill(include_str!("templates/README-c.md.in"), plan, &[])),
        file(".gitignore", "/build\n".to_owned()),
    ];
    files.extend(around(plan));
    files
}

/// What does not depend on the language.
fn around(plan: &Plan) -> [File; 3] {
    let roots: Vec<String> = plan.roots.iter().map(|root| format!("\"{root}\"")).collect();
    let models = plan.model.as_ref().map_or(String::new(), |model| {
        format!("# The version of a model that it follows; otherwise the newest.\nmodels = [\"{model}\"]\n")
    });
    let values = [("roots", roots.join(", ")), ("models", models)];
    let values = values.each_ref().map(|(key, value)| (*key, value.as_str()));
    let manifest = format!("{}.toml", plan.name);
    let rights = format!("cwmp-plugin@{}.service.d/10-rights.conf", plan.name);
    [
        file(&manifest, fill(include_str!("templates/manifest.toml.in"), plan, &values)),
        file(&rights, fill(include_str!("templates/rights.conf.in"), plan, &[])),
        file(
            &format!("{}{}.conf", cwmp_bus::names::PROVIDER_PREFIX, plan.name),
            cwmp_bus::provider_policy(&plan.name, &format!("cwmp-{}", plan.name)),
        ),
    ]
}

fn file(path: &str, text: String) -> File {
    File { path: path.to_owned(), text }
}

/// A template with `@KEY@` replaced.
pub(super) fn fill(template: &str, plan: &Plan, values: &[(&str, &str)]) -> String {
    let mut text = template.replace("@name@", &plan.name).replace("@base@", &plan.base);
    for (key, value) in values {
        text = text.replace(&format!("@{key}@"), value);
    }
    text
}
