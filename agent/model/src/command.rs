//! Commands: names that end in `()`, which are neither read nor set.
//!
//! CWMP has none, so an ACS never sees them. A provider declares them like other nodes and the bus invokes them.

use crate::path;

/// What ends the name of a command.
pub const SUFFIX: &str = "()";

/// Whether this is the name of a command, rows as numbers: `Device.A.1.Blink()`.
pub fn is_name(name: &str) -> bool {
    let Some(body) = name.strip_suffix(SUFFIX) else { return false };
    !path::is_partial(body) && name.len() <= path::MAX_PATH && path::check(body).is_ok() && body.contains('.')
}

/// Whether this is the schema path of a command: `Device.A.{i}.Blink()`.
pub fn is_schema_path(path: &str) -> bool {
    is_name(&path.replace("{i}", "1")) && path::schema_path(path) == path
}

/// The object that a command acts on: `Device.A.1.` of `Device.A.1.Blink()`.
pub fn object(name: &str) -> &str {
    path::parent(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_a_name_in_an_object_with_parentheses() {
        for good in ["Device.Reset()", "Device.A.1.Blink()", "Device.X_A_B.C-D()"] {
            assert!(is_name(good), "{good}");
        }
        let long = format!("Device.{}()", "a".repeat(path::MAX_PATH));
        for bad in [
            "",
            "()",
            "Reset()",
            "Device.()",
            "Device.A",
            "Device.A.1()",
            "Device.A.*.B()",
            "Device.A()()",
            &long,
        ] {
            assert!(!is_name(bad), "{bad}");
        }
        assert_eq!(object("Device.A.1.Blink()"), "Device.A.1.");
    }

    #[test]
    fn the_row_of_a_schema_path_is_open() {
        assert!(is_schema_path("Device.A.{i}.Blink()") && is_schema_path("Device.Reset()"));
        for bad in ["Device.A.1.Blink()", "Device.A.{i}()", "{i}.A()", "Device.A.{i}.B"] {
            assert!(!is_schema_path(bad), "{bad}");
        }
    }
}
