//! The function with a bucket of its own.

mod killed;
