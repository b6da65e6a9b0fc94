//! From rows as a plugin knows them to their paths.

use crate::{At, Error, Host, Row};

/// The part of a schema path that stands for a row.
pub(crate) const ROW: &str = "{i}.";

/// Finds the path of an object in a row, asking the host for the numbers of keys.
#[derive(Debug, Clone)]
pub(crate) struct Resolver {
    host: Host,
    /// The schema path of the object.
    path: &'static str,
}

impl Resolver {
    pub(crate) fn new(host: &Host, path: &'static str) -> Self {
        Self { host: host.clone(), path }
    }

    /// `Device.A.3.B.2.` for row 2 within row 3.
    pub(crate) fn instance(&self, at: &At) -> Result<String, Error> {
        self.resolve(at, self.path)
    }

    /// The table that the row lies in: `Device.A.3.B.`.
    pub(crate) fn table(&self, at: &At) -> Result<String, Error> {
        self.resolve(at, self.path.rsplit_once(ROW).map_or("", |(table, _)| table))
    }

    fn resolve(&self, at: &At, path: &str) -> Result<String, Error> {
        let mut rows = at.above.iter().chain(std::iter::once(&at.row));
        let mut out = String::with_capacity(path.len());
        for part in path.split_inclusive('.') {
            if part != ROW {
                out.push_str(part);
                continue;
            }
            let row = rows.next().ok_or_else(|| {
                Error::internal(format!("a row of {} is in fewer tables than its path has", self.path))
            })?;
            let number = match row.number {
                0 => self.host.lookup()?.number_of(&out, &row.key)?,
                number => number,
            };
            out.push_str(&number.to_string());
            out.push('.');
        }
        Ok(out)
    }
}

/// Where a row is, by its path: the numbers in it.
pub(crate) fn at_of(instance: &str) -> At {
    let numbers = instance.split('.').filter_map(|part| part.parse().ok());
    let mut rows: Vec<Row> = numbers.map(Row::numbered).collect();
    let row = rows.pop().unwrap_or_default();
    At { above: rows, row }
}
