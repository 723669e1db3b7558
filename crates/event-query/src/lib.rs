#![doc = include_str!("../README.md")]

mod statement;

pub use statement::{Bind, Statement};
