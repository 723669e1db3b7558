//! JSON objects as text: written member by member, and read member by member with each value as it was sent.

mod cursor;
mod escapes;
mod members;
mod object;

pub(crate) use self::cursor::string_length;
pub(crate) use self::escapes::unescape_literal;

pub use self::cursor::Cursor;
pub use self::escapes::unescape;
pub use self::members::{Text, for_each_member};
pub use self::object::{JsonObject, begin_member};
