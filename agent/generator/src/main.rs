//! `cargo run -p cwmp-generator -- DEFINITIONS [MODELS]` rewrites the tables of the standard's models.
#![forbid(unsafe_code)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use cwmp_generator::{generate, GeneratorError};

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let models = Path::new(env!("CARGO_MANIFEST_DIR")).join("../model/models");
    let result = match arguments.as_slice() {
        [definitions] => write(definitions, &models),
        [definitions, models] => write(definitions, models),
        _ => {
            eprintln!("usage: cwmp-generator DEFINITIONS [MODELS]");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cwmp-generator: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write(definitions: &Path, models: &Path) -> Result<(), GeneratorError> {
    let put = |name: String, text: &str| {
        let path = models.join(name);
        let failed = |error| GeneratorError::File { file: path.display().to_string(), error };
        std::fs::write(&path, text).map_err(failed)
    };
    for generated in generate(definitions)? {
        let stem = generated.name.file_stem();
        put(format!("{stem}.model"), &generated.model)?;
        put(format!("{stem}.profiles"), &generated.profiles)?;
        for remark in &generated.remarks {
            println!("{stem}: {remark}");
        }
    }
    Ok(())
}
