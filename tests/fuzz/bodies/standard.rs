//! A file of a data model and one of profiles, as somebody's hand or a bad flash may have left them.

use cwmp_model::standard::{write_model, Library};

/// The model up to the first zero byte, then the profiles.
pub(crate) fn run(data: &[u8]) {
    let end = data.iter().position(|b| *b == 0).unwrap_or(data.len());
    let profiles = data.get(end + 1..).unwrap_or_default();
    let Ok(library) = Library::in_memory(data[..end].to_vec(), profiles.to_vec()) else { return };
    let name = &library.models()[0];
    let _ = library.profiles(name);
    let _ = library.object("Device.", None);
    let objects: Result<Vec<_>, _> = library.objects(name).expect("it is the library's own").collect();
    let Ok(objects) = objects else { return };
    let is_sorted = objects.windows(2).all(|pair| pair[0].path < pair[1].path);
    for object in objects.iter().filter(|_| is_sorted) {
        // Paths outside the model's root are not looked up.
        if let Some(found) = library.object(&object.path, None).expect("every block was read") {
            assert_eq!(found, *object, "what stands there is found");
        }
    }
    let Some(text) = write_model(name, "Device.", "urn:x", &objects) else { return };
    let again = Library::in_memory(text.clone().into_bytes(), Vec::new()).expect("what we write is read");
    let objects: Vec<_> = again.objects(name).expect("it is there").map(|o| o.expect("as before")).collect();
    assert_eq!(
        write_model(name, "Device.", "urn:x", &objects),
        Some(text),
        "a model is written as it is read"
    );
}
