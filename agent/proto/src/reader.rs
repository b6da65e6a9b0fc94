//! Reading the arguments of one message.

use cwmp_model::{Fault, FaultCode, ValueType};

use crate::cursor::Cursor;
use crate::error::{shown, ReadError};
use crate::read::Limits;

/// How much a sender is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// A request of the ACS: each argument is one of the standard, within its length, or the answer is 9003.
    Exact,
    /// A message of a device: lengths count, what we do not know is ignored.
    Lengths,
    /// A response of the ACS: what we do not know is ignored (C13), and a long text is no harm.
    Lenient,
}

/// The arguments of a message whose element was entered.
pub(crate) struct Reader<'c, 'a> {
    pub(crate) cursor: &'c mut Cursor<'a>,
    pub(crate) limits: Limits,
    pub(crate) manners: Manners,
    pub(crate) id: &'c Option<String>,
    /// The name of the method, without `Response`.
    pub(crate) method: &'static str,
}

impl Reader<'_, '_> {
    /// The error for an argument that cannot be used.
    pub(crate) fn wrong(&self, text: String) -> ReadError {
        let fault = Fault::new(FaultCode::InvalidArguments, text);
        ReadError::Argument { id: self.id.clone(), method: self.method, fault }
    }

    /// An element that the table does not have.
    pub(crate) fn stranger(&mut self) -> Result<(), ReadError> {
        if self.manners == Manners::Exact {
            return Err(self.wrong(format!("there is no argument {}", self.cursor.name)));
        }
        self.cursor.skip()
    }

    /// An argument that must be there.
    pub(crate) fn present<T>(&self, value: Option<T>, element: &str) -> Result<T, ReadError> {
        value.ok_or_else(|| self.wrong(format!("{element} is missing")))
    }

    /// A text as it is.
    pub(crate) fn text(&mut self, most: usize) -> Result<String, ReadError> {
        let text = self.cursor.text()?;
        self.within(&text, most)?;
        Ok(text)
    }

    /// A name: white space around it does not count.
    pub(crate) fn name(&mut self, most: usize) -> Result<String, ReadError> {
        let text = self.cursor.text()?;
        let trimmed = text.trim();
        self.within(trimmed, most)?;
        Ok(if trimmed.len() == text.len() { text } else { trimmed.to_owned() })
    }

    fn within(&self, text: &str, most: usize) -> Result<(), ReadError> {
        // Bytes are at least as many as characters, so most texts need no count.
        if self.manners != Manners::Lenient && text.len() > most && text.chars().count() > most {
            return Err(self.wrong(format!("an argument has more than {most} characters")));
        }
        Ok(())
    }

    pub(crate) fn boolean(&mut self) -> Result<bool, ReadError> {
        let text = self.cursor.text()?;
        boolean(&text).ok_or_else(|| self.wrong(format!("'{}' is no boolean", shown(text.trim()))))
    }

    /// Whether a list of `count` items may have one more.
    pub(crate) fn room(&self, count: usize, most: usize) -> Result<(), ReadError> {
        let most = most.min(self.limits.items);
        if count < most {
            Ok(())
        } else {
            Err(self.wrong(format!("a list has more than {most} items")))
        }
    }
}

/// C100: the model's booleans, in all four forms.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    Some(ValueType::Boolean.canonical(text).ok()? == "true")
}
