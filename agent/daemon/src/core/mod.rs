//! What the ACS and the bus have in common: the merged tree and everything that is done with it.

pub(crate) mod tree;
