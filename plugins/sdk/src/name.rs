//! Names of parameters, rows and tables.

/// The full name of a parameter, row, table or command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Name<'a> {
    full: &'a str,
    relative: &'a str,
}

impl<'a> Name<'a> {
    pub(crate) fn new(full: &'a str, base: &str) -> Self {
        Self { full, relative: full.strip_prefix(base).unwrap_or(full) }
    }

    /// The whole name: `Device.X_ACME_Lamp.3.Colour`.
    pub fn full(self) -> &'a str {
        self.full
    }

    /// What comes after the base of the declaration: `3.Colour` below the base `Device.X_ACME_Lamp.`.
    pub fn relative(self) -> &'a str {
        self.relative
    }

    /// The row and what is below it, if the name lies in a row of this table: see [`split_row`].
    pub fn in_row(self, table: &str) -> Option<(u32, &'a str)> {
        split_row(self.relative, table)
    }
}

/// Splits `Lamp.3.Colour` for the table `Lamp.` into 3 and `Colour`. The row itself, `Lamp.3.`, leaves nothing.
pub fn split_row<'a>(name: &'a str, table: &str) -> Option<(u32, &'a str)> {
    let (number, rest) = name.strip_prefix(table)?.split_once('.')?;
    Some((number.parse().ok()?, rest))
}

/// The schema path of a name: numbers become `{i}`.
pub(crate) fn pattern(name: &str) -> String {
    let mut out = String::with_capacity(name.len() + 8);
    for (i, part) in name.split('.').enumerate() {
        if i > 0 {
            out.push('.');
        }
        let number = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        out.push_str(if number { "{i}" } else { part });
    }
    out
}

/// The rows that a name lies in, the outermost first: `A.1.B.2.C` lies in `A.1.` and `A.1.B.2.`.
pub(crate) fn rows_above(name: &str) -> impl Iterator<Item = &str> {
    let mut start = 0;
    name.split_inclusive('.').filter_map(move |part| {
        start += part.len();
        let number = part.strip_suffix('.')?;
        (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then(|| &name[..start])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_apart() {
        let name = Name::new("Device.X_A.Lamp.3.Colour", "Device.X_A.");
        assert_eq!(name.relative(), "Lamp.3.Colour");
        assert_eq!(name.in_row("Lamp."), Some((3, "Colour")));
        assert_eq!(name.in_row("Bulb."), None);
        assert_eq!(split_row("Lamp.3.", "Lamp."), Some((3, "")));
        assert_eq!(split_row("Lamp.x.", "Lamp."), None);
        assert_eq!(pattern("Lamp.3.Step.1."), "Lamp.{i}.Step.{i}.");
        assert_eq!(rows_above("Lamp.3.Step.1.Hue").collect::<Vec<_>>(), ["Lamp.3.", "Lamp.3.Step.1."]);
        assert_eq!(rows_above("Lamp.3.").collect::<Vec<_>>(), ["Lamp.3."]);
        assert_eq!(rows_above("Label").count(), 0);
    }
}
