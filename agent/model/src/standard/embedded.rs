//! The models inside the program, for macros, tools and tests.

use super::file::ModelFile;

/// The file of a model, and the one beside it.
macro_rules! model {
    ($stem:literal) => {
        (
            $stem,
            include_bytes!(concat!("../../models/", $stem, ".model")).as_slice(),
            include_bytes!(concat!("../../models/", $stem, ".profiles")).as_slice(),
        )
    };
}

const MODELS: [(&str, &[u8], &[u8]); 5] = [
    model!("Device-2.19"),
    model!("STBService-1.4"),
    model!("StorageService-1.3"),
    model!("VoiceService-1.1"),
    model!("VoiceService-2.0"),
];

/// The models. A test reads every object of each, so that one that cannot be read does not leave the workshop.
pub(super) fn files() -> Vec<ModelFile> {
    let open = |(name, model, profiles): (&str, &'static [u8], &'static [u8])| {
        ModelFile::in_memory(name, model.into(), profiles.into()).ok()
    };
    MODELS.into_iter().filter_map(open).collect()
}
