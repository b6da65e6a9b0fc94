//! Texts and arrays as they cross the border.

use std::marker::PhantomData;
use std::mem::size_of;

use cwmp_plugin_abi as abi;

use crate::Error;

/// A text to hand out; the other side copies it before it returns.
pub(crate) const fn lend(text: &str) -> abi::Str {
    abi::Str { ptr: text.as_ptr(), len: text.len() }
}

/// The text that the other side lends.
///
/// # Safety
/// `text` points to `len` bytes that stay as they are for `'a`.
pub(crate) unsafe fn borrow<'a>(text: abi::Str) -> Result<&'a str, Error> {
    if text.len == 0 {
        return Ok("");
    }
    if text.ptr.is_null() || text.len > isize::MAX as usize {
        return Err(Error::arguments("a text without bytes"));
    }
    // SAFETY: not null, and the caller vouches for the bytes.
    let bytes = unsafe { std::slice::from_raw_parts(text.ptr, text.len) };
    std::str::from_utf8(bytes).map_err(|_| Error::arguments("a text that is not UTF-8"))
}

/// An array of the other side, whose elements may be larger than ours: a later minor version appends to them.
pub(crate) struct Elements<'a, T> {
    first: *const u8,
    left: usize,
    step: usize,
    lent: PhantomData<&'a T>,
}

impl<T: Copy> Elements<'_, T> {
    /// # Safety
    /// `first` points to `n` elements of `step` bytes each that begin with a `T`, for the lifetime.
    pub(crate) unsafe fn new(first: *const T, n: usize, step: u32) -> Result<Self, Error> {
        let step = step as usize;
        if step < size_of::<T>() || step % std::mem::align_of::<T>() != 0 || (first.is_null() && n > 0) {
            return Err(Error::arguments("an array whose elements are too small"));
        }
        Ok(Self { first: first.cast(), left: n, step, lent: PhantomData })
    }
}

impl<T: Copy> Iterator for Elements<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.left = self.left.checked_sub(1)?;
        // SAFETY: `new` was told that there is one more element; a step is at least a T and keeps its alignment.
        let element = unsafe { self.first.cast::<T>().read() };
        self.first = self.first.wrapping_add(self.step);
        Some(element)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_elements_are_stepped_over() {
        let wide: [[u32; 2]; 3] = [[1, 9], [2, 9], [3, 9]];
        // SAFETY: three elements of eight bytes that begin with a u32.
        let elements = unsafe { Elements::<u32>::new(wide.as_ptr().cast(), 3, 8) }.unwrap();
        assert_eq!(elements.collect::<Vec<_>>(), [1, 2, 3]);
        // SAFETY: refused before anything is read.
        assert!(unsafe { Elements::<u32>::new(wide.as_ptr().cast(), 3, 2) }.is_err());
    }

    #[test]
    fn a_bad_text_is_refused() {
        // SAFETY: the bytes are there.
        assert!(unsafe { borrow(abi::Str { ptr: [0xff_u8].as_ptr(), len: 1 }) }.is_err());
        // SAFETY: refused before it is followed.
        assert!(unsafe { borrow(abi::Str { ptr: std::ptr::null(), len: 1 }) }.is_err());
        // SAFETY: empty, never followed.
        assert_eq!(unsafe { borrow(abi::Str { ptr: std::ptr::null(), len: 0 }) }, Ok(""));
    }
}
