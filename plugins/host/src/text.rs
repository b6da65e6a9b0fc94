//! Texts across the border: borrowed, and not to be trusted when they come from the plugin.

use cwmp_plugin_abi::Str;

/// Why a text of the plugin is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum TextFault {
    /// A pointer of NULL with a length.
    #[error("is NULL, but has a length")]
    Null,
    /// Longer than allowed.
    #[error("is longer than allowed")]
    TooLong,
    /// Not UTF-8.
    #[error("is not UTF-8")]
    NotUtf8,
}

/// The bytes of a text of at most `max`.
///
/// # Safety
/// What is not NULL points to `len` readable bytes that nobody changes for `'a`.
pub(crate) unsafe fn bytes<'a>(text: Str, max: usize) -> Result<&'a [u8], TextFault> {
    if text.len == 0 {
        return Ok(&[]);
    }
    if text.ptr.is_null() {
        return Err(TextFault::Null);
    }
    if text.len > max {
        return Err(TextFault::TooLong);
    }
    // SAFETY: the caller promises it, and the length is far below isize::MAX.
    Ok(unsafe { std::slice::from_raw_parts(text.ptr, text.len) })
}

/// A text of at most `max` bytes.
///
/// # Safety
/// As for [`bytes`].
pub(crate) unsafe fn read<'a>(text: Str, max: usize) -> Result<&'a str, TextFault> {
    // SAFETY: passed on to the caller.
    let bytes = unsafe { bytes(text, max) }?;
    std::str::from_utf8(bytes).map_err(|_| TextFault::NotUtf8)
}

/// A text that explains something: what is wrong with it matters to nobody, what is longer than `max` is cut.
pub(crate) fn read_or_cut(text: Result<&str, TextFault>, max: usize) -> &str {
    crate::request::cut(text.unwrap_or_default(), max)
}

/// A text of ours for the plugin, which borrows it.
pub(crate) fn lend(text: &str) -> Str {
    Str { ptr: text.as_ptr(), len: text.len() }
}

/// An element of an array whose elements are `size` bytes apart in the owner's view; what the owner's elements lack is
/// zero.
///
/// # Safety
/// `base` points to more than `index` elements of `size` bytes; zero bytes are a valid `T`.
pub(crate) unsafe fn element<T: Copy>(base: *const T, index: usize, size: usize) -> T {
    let mut out = std::mem::MaybeUninit::<T>::zeroed();
    // SAFETY: the caller promises the source; no more than a T is written, and zero is valid for the rest.
    unsafe {
        let from = base.cast::<u8>().add(index * size);
        std::ptr::copy_nonoverlapping(
            from,
            out.as_mut_ptr().cast::<u8>(),
            size.min(std::mem::size_of::<T>()),
        );
        out.assume_init()
    }
}

/// Many names in one piece of memory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Names {
    text: String,
    ends: Vec<usize>,
}

impl Names {
    /// Adds a name made of two parts.
    pub(crate) fn push(&mut self, prefix: &str, name: &str) {
        self.text.push_str(prefix);
        self.text.push_str(name);
        self.ends.push(self.text.len());
    }

    /// The name at an index, which must be below [`len`](Self::len).
    pub(crate) fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.text[start..self.ends[index]]
    }

    /// How many.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// All names, in their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.len()).map(|i| self.get(i))
    }

    /// How many bytes all names have together.
    pub(crate) fn size(&self) -> usize {
        self.text.len()
    }

    /// The names as the plugin wants them. The array borrows from `self`.
    pub(crate) fn lend(&self) -> Vec<Str> {
        self.iter().map(lend).collect()
    }
}

impl<S: AsRef<str>> FromIterator<S> for Names {
    fn from_iter<I: IntoIterator<Item = S>>(names: I) -> Self {
        let mut all = Self::default();
        for name in names {
            all.push(name.as_ref(), "");
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn garbage_is_no_text() {
        let null = Str { ptr: std::ptr::null(), len: 3 };
        let wrong = Str { ptr: [0xffu8, 0xfe].as_ptr(), len: 2 };
        // SAFETY: NULL is not followed, the other texts are constants.
        unsafe {
            assert_eq!(read(null, 10), Err(TextFault::Null));
            assert_eq!(read(lend("abc"), 2), Err(TextFault::TooLong));
            assert_eq!(read(wrong, 10), Err(TextFault::NotUtf8));
            assert_eq!(read(Str { ptr: std::ptr::null(), len: 0 }, 10), Ok(""));
        }
    }

    #[test]
    fn elements_may_be_smaller_and_larger_than_ours() {
        let array = [1u32, 2, 3, 4];
        // SAFETY: the array has four numbers: two of 8 bytes, four of 4.
        unsafe {
            assert_eq!(element::<u64>(array.as_ptr().cast(), 3, 4), 4);
            assert_eq!(element::<u32>(array.as_ptr(), 1, 8), 3);
        }
    }

    #[test]
    fn names_keep_their_order() {
        let names: Names = ["Device.A", "", "Device.B."].into_iter().collect();
        assert_eq!(names.iter().collect::<Vec<_>>(), ["Device.A", "", "Device.B."]);
        assert_eq!(names.size(), 17);
    }
}
