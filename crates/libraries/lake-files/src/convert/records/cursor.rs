//! A position in the window.

use crate::convert::{
    fault::Reason,
    sink::{MAX_RECORD_BYTES, Rejected, WindowEnd},
};

/// The current position in the window. Its first byte starts a record or a rejection.
pub(super) struct Cursor<'a> {
    pub(super) rest: &'a [u8],
    pub(super) offset: u64,
    pub(super) tail: WindowEnd,
}

impl<'a> Cursor<'a> {
    /// What may be looked at: whether a record is too long must not depend on how much of it is there.
    pub(super) fn visible(&self) -> &'a [u8] {
        &self.rest[..self.rest.len().min(MAX_RECORD_BYTES)]
    }

    pub(super) fn is_too_long(&self) -> bool {
        self.rest.len() >= MAX_RECORD_BYTES
    }

    /// Whether what was found at `at` may be an effect of the window's end. An escape or a number may be judged some bytes
    /// after its start, so near the end is as good as at the end.
    pub(super) fn may_be_cut_at(&self, at: usize) -> bool {
        const LONGEST_LOOK_AHEAD: usize = 16;
        self.tail == WindowEnd::Open
            && !self.is_too_long()
            && at.saturating_add(LONGEST_LOOK_AHEAD) >= self.rest.len()
    }

    pub(super) fn rejected(
        &self,
        len: usize,
        reason: Reason,
        detail: &'static str,
    ) -> Rejected<'a> {
        Rejected {
            offset: self.offset,
            bytes: &self.rest[..len],
            reason,
            detail: detail.into(),
        }
    }
}
