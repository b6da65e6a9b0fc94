//! Replays a corpus in an ordinary test.

use std::path::Path;

/// Runs every input of `target`; `fuzz` is the folder of the fuzz targets. A panic names its input.
pub(crate) fn replay(fuzz: &str, target: &str, run: fn(&[u8])) {
    let mut count = 0;
    for entry in std::fs::read_dir(Path::new(fuzz).join("corpus").join(target)).unwrap() {
        let file = entry.unwrap().path();
        println!("{}", file.display());
        run(&std::fs::read(file).unwrap());
        count += 1;
    }
    assert!(count > 0, "the corpus of {target} is empty");
}
