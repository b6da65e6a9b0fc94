//! What a plugin says of typed objects by itself.

use crate::resolver::Resolver;
use crate::{At, Error, Host, Object, Row};

/// The rows above a table: `()` for a table that is in none.
#[derive(Debug, Clone, Default)]
pub struct Above(Vec<Row>);

impl From<()> for Above {
    fn from((): ()) -> Self {
        Self::default()
    }
}

impl<A: Into<At>> From<A> for Above {
    fn from(at: A) -> Self {
        let At { mut above, row } = at.into();
        above.push(row);
        Self(above)
    }
}

impl Host {
    /// The path of an object in a row: `host.path_of::<Interface>("eth0")` is `Device.Ethernet.Interface.3.`, which is
    /// also what references to it hold. For an object that exists once the row is [`At::ONCE`].
    ///
    /// A key without a number gets one; [`Error::Busy`] as long as there is no agent to ask.
    pub fn path_of<O: Object>(&self, at: impl Into<At>) -> Result<String, Error> {
        Resolver::new(self, O::NODES[0].path()).instance(&at.into())
    }

    /// Says that parameters of an object may have changed: `host.changed_in::<Interface>("eth0", &["Status"])`.
    ///
    /// Errors as of [`path_of`](Self::path_of): of a row that has no number yet nobody knows, so nobody misses it.
    pub fn changed_in<O: Object>(&self, at: impl Into<At>, names: &[&str]) -> Result<(), Error> {
        let path = self.path_of::<O>(at)?;
        let names: Vec<String> = names.iter().map(|name| format!("{path}{name}")).collect();
        self.changed(&names);
        Ok(())
    }

    /// Says that rows of a table came or went by themselves, with the rows that it is in: `host.rows_changed_of::<Lamp>(())`,
    /// `host.rows_changed_of::<Address>("eth0")`.
    pub fn rows_changed_of<O: Object>(&self, above: impl Into<Above>) -> Result<(), Error> {
        let Above(above) = above.into();
        let table = Resolver::new(self, O::NODES[0].path()).table(&At { above, row: Row::default() })?;
        self.rows_changed(&table);
        Ok(())
    }
}
