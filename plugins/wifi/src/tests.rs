//! The plugin as a whole, on twins of its back ends.

mod access_points;
mod twin;

pub(crate) use twin::back_ends;
