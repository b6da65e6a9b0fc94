//! What a transaction changes, as the typed objects see it.

use crate::wanted::leaf;
use crate::{At, ChangeFault, Effect, Error, Object};

/// A change that is prepared: run, it is in force; dropped, it never was.
///
/// What it captured and was reserved for it is given back then: that is the rollback.
pub type Prepared<P> = Box<dyn FnOnce(&mut P) -> Result<Effect, Error> + Send>;

/// What a transaction does to one object or row, all its parameters together.
#[derive(Debug)]
pub struct Edit<O> {
    /// Which row; without numbers for an object that exists once.
    pub at: At,
    /// What was before; `None`: the row is new.
    pub old: Option<O>,
    /// What shall be; `None`: the row goes.
    pub new: Option<O>,
    raw: RawEdit,
}

impl<O: Object> Edit<O> {
    pub(crate) fn new(raw: RawEdit) -> Self {
        let made = |texts: &Option<Vec<String>>| {
            let mut object = O::blank();
            for (i, text) in texts.as_ref()?.iter().enumerate() {
                if let Some(field) = object.field_mut(i) {
                    // What does not fit, such as nothing for an enumeration, stays blank.
                    field.read(text);
                }
            }
            Some(object)
        };
        Self { at: raw.at.clone(), old: made(&raw.old), new: made(&raw.new), raw }
    }

    /// Whether a parameter is set, by its name: `edit.sets("Limit")`. It may be set to what it was.
    pub fn sets(&self, name: &str) -> bool {
        let position = position::<O>(name);
        debug_assert!(position.is_some(), "{} has no parameter {name}", O::NODES[0].path());
        position.is_some_and(|i| self.raw.set.contains(&i))
    }

    /// The refusal of what is said about a parameter; a name that is none refuses the row.
    pub fn fault(&self, name: &str, error: Error) -> ChangeFault {
        let changes = &self.raw.positions;
        let own = position::<O>(name).and_then(|i| changes.iter().find(|(field, _)| *field == i));
        ChangeFault { index: own.map_or(self.raw.first, |(_, index)| *index), error }
    }
}

fn position<O: Object>(name: &str) -> Option<usize> {
    O::NODES.iter().skip(1).position(|node| leaf(node.path()) == name)
}

/// An edit as texts.
#[derive(Debug, Clone)]
pub(crate) struct RawEdit {
    pub(crate) at: At,
    pub(crate) old: Option<Vec<String>>,
    pub(crate) new: Option<Vec<String>>,
    /// The fields that are set.
    pub(crate) set: Vec<usize>,
    /// Fields with the positions of the changes that set them.
    pub(crate) positions: Vec<(usize, usize)>,
    /// The first change that concerns the row.
    pub(crate) first: usize,
}

impl RawEdit {
    /// What takes it back.
    pub(crate) fn inverse(self) -> Self {
        Self { old: self.new, new: self.old, ..self }
    }
}
