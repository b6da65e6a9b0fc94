//! `new-plugin`: a plugin that is ready to be filled in.
//!
//! | file | what |
//! | --- | --- |
//! | `place` | where things are: the kit, the tables, the new folder |
//! | `plan` | what the plugin serves, from the tables of the standard and the command line |
//! | `member` | a parameter, and what it holds before anybody knows better |
//! | `identifier`, `names` | names of the data model as names of Rust |
//! | `rust`, `rust_test`, `c` | the sources |
//! | `files` | everything around them |
//! | `templates` | what does not depend on the object |

mod c;
mod files;
mod identifier;
mod member;
mod names;
mod place;
mod plan;
mod rust;
mod rust_test;

use serde_json::json;

use crate::cli::{Language, NewPluginArguments};
use crate::error::CtlError;
use crate::output::Output;
use place::Place;
use plan::Plan;

/// Writes the plugin and says what to do next.
pub(crate) fn run(arguments: &NewPluginArguments, output: &Output) -> Result<(), CtlError> {
    let place = Place::find(arguments)?;
    let plan = Plan::new(arguments, &place.library)?;
    let files = match arguments.language {
        Language::Rust => files::rust(&plan, place.kit()?, &place.models),
        Language::C => files::c(&plan, place.kit.as_deref(), &place.models),
    };
    place::write(&place.folder, &files)?;
    for remark in &plan.remarks {
        output.remark(remark);
    }
    let folder = place.folder.display().to_string();
    if output.is_json() {
        let names: Vec<String> =
            files.iter().map(|file| place.folder.join(&file.path).display().to_string()).collect();
        output.json(&json!({ "folder": folder, "files": names }))?;
        return Ok(());
    }
    for file in &files {
        output.line(&format!("{folder}/{}", file.path))?;
    }
    output.line(&format!("What to do next is in {folder}/README.md."))?;
    Ok(())
}
