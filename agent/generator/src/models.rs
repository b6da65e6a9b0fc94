//! Which models are made, and from which files.

use std::path::{Path, PathBuf};

use cwmp_model::standard::{write_model, write_profiles, ModelName};

use crate::document::Documents;
use crate::flat::Flat;
use crate::profiles::profiles;
use crate::reference::Known;
use crate::table::Tables;
use crate::GeneratorError;

/// The document of each model, and the folder below that of the definitions where it lies with what it imports.
const SOURCES: [(&str, &str); 5] = [
    ("dm-2.19.1-components", "tr-181-2-19-1-cwmp.xml"),
    ("dm", "tr-135-1-4-1-cwmp-full.xml"),
    ("dm", "tr-104-2-0-2-cwmp-full.xml"),
    ("dm", "tr-104-1-1-0-full.xml"),
    ("dm", "tr-140-1-3-1-cwmp-full.xml"),
];

/// The files of one model.
#[derive(Debug)]
pub struct Generated {
    /// The model.
    pub name: ModelName,
    /// The content of `NAME-VERSION.model`.
    pub model: String,
    /// The content of `NAME-VERSION.profiles`.
    pub profiles: String,
    /// What the definition has that was not taken over.
    pub remarks: Vec<String>,
}

/// Loads the documents of all models.
pub fn load(folder: &Path) -> Result<Vec<(Documents, usize)>, GeneratorError> {
    let load = |(below, file): (&str, &str)| {
        let there: PathBuf = folder.join(below);
        let mut documents = Documents::new(if there.is_dir() { &there } else { folder });
        let document = documents.load(file)?;
        Ok((documents, document))
    };
    SOURCES.into_iter().map(load).collect()
}

/// Makes the tables of all models from a folder of definitions.
pub fn generate(folder: &Path) -> Result<Vec<Generated>, GeneratorError> {
    let loaded = load(folder)?;
    let flats = loaded.iter().map(|(documents, document)| Flat::new(documents, *document));
    let flats: Vec<Flat<'_>> = flats.collect::<Result<_, _>>()?;
    let mut known = Known::default();
    for (path, object) in flats.iter().flat_map(|flat| &flat.objects) {
        known.add(path.clone());
        object.parameters.keys().for_each(|name| known.add(format!("{path}{name}")));
    }
    let mut generated = Vec::new();
    for (flat, (documents, document)) in flats.iter().zip(&loaded) {
        let wrong = |what: &str| GeneratorError::Node { path: flat.name.clone(), what: what.to_owned() };
        let name = ModelName::parse(&flat.name).ok_or_else(|| wrong("the name of a model"))?;
        let (root, start) = if flat.prefix.is_empty() {
            (format!("{}.", name.name), format!("{}.", name.name))
        } else {
            (format!("{}{}.", flat.prefix, name.name), format!("{}{}.{{i}}.", flat.prefix, name.name))
        };
        let mut tables = Tables { documents, flat, known: &known, root: start, remarks: Vec::new() };
        let objects = tables.objects()?;
        let urn = documents.document(*document).root.get("spec").unwrap_or_default();
        let model = write_model(&name, &root, urn, &objects).ok_or_else(|| wrong("a tab or a line end"))?;
        let profiles = write_profiles(&name, &profiles(flat)?);
        generated.push(Generated { name, model, profiles, remarks: tables.remarks });
    }
    Ok(generated)
}
