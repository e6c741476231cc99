//! Memory at an address that does not change, for structs that point at each other.
#![allow(unsafe_code)]

use std::ptr::{NonNull, slice_from_raw_parts_mut};

/// A number of values on the heap that are reached by their addresses alone, so that the kernel may
/// be given these.
pub(super) struct Fixed<T> {
    first: NonNull<T>,
    len: usize,
}

// SAFETY: it owns its values, and gives out no address to another thread by itself.
unsafe impl<T: Send> Send for Fixed<T> {}

impl<T> Fixed<T> {
    /// Makes `len` values.
    pub fn new(len: usize, value: impl FnMut() -> T) -> Self {
        let mut value = value;
        let values: Box<[T]> = (0..len).map(|_| value()).collect();
        let first = NonNull::from(Box::leak(values)).cast();
        Self { first, len }
    }

    /// Returns the number of values.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Returns the address of value `at`.
    ///
    /// # Panics
    ///
    /// If there is no such value.
    #[inline]
    pub const fn at(&self, at: usize) -> *mut T {
        assert!(at < self.len, "a value of these");
        // SAFETY: within the values, as just asked.
        unsafe { self.first.as_ptr().add(at) }
    }
}

impl<T> Drop for Fixed<T> {
    fn drop(&mut self) {
        let values = slice_from_raw_parts_mut(self.first.as_ptr(), self.len);
        // SAFETY: these came out of a box of this length, in `new`, and nobody uses an address after
        // their owner is gone.
        drop(unsafe { Box::from_raw(values) });
    }
}
