//! The local stack: what starts, redeploys and stops it, and the files and processes that it consists of.

pub(crate) mod checkout;
pub(crate) mod data_dir;
mod description;
pub(crate) mod down;
pub(crate) mod exec;
pub(crate) mod keys;
pub(crate) mod outputs;
pub(crate) mod process;
pub(crate) mod tools;
pub(crate) mod up;

pub(crate) use self::description::STARTING;
pub use self::description::{Secret, Stack};
