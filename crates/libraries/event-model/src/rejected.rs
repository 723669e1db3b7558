//! Rejected items: how one is written down, what it is called, and what people did about it.

mod id;
mod line;
mod mark;
mod stored_line;

pub use self::id::{ParseRejectedIdError, RejectedId};
pub use self::line::RejectedLine;
pub use self::mark::{MARKS_PREFIX, Mark, MarkStatus, marks_prefix};
pub use self::stored_line::StoredLine;
